import { type JsonObject, Tensor } from "@denoise/core";
import {
  type HiddenStatesCall,
  type LanguageModelConfig,
  type LanguageModelMethods,
  languageModelMethods,
  runHiddenStates,
} from "./language_model.ts";
import { nestedConfig, type Runner } from "./model_definition.ts";

/**
 * What config.json says of a language model that reads images too, its nested parts laid out.
 *
 * @param defaults What `vision_config` has where the file does not say it.
 */
export function visionLanguageConfig(config: JsonObject, defaults: object): JsonObject {
  const vision = nestedConfig(config, "vision_config");
  return {
    ...config,
    ...nestedConfig(config, "text_config"),
    vision_config: { ...defaults, ...(vision === config ? {} : vision) },
  };
}

/** Frames, rows and columns of an image's patches. */
export type PatchGrid = readonly [frames: number, rows: number, columns: number];

/** Images of a text, as the model's processor prepares them. */
export interface VisionInputs {
  /** Patches of all images, float32 [patches, 3·2·patch²], those of a token one after the other. */
  readonly pixelValues: Tensor;
  /** Frames, rows and columns of patches of each image. */
  readonly imageGridThw: readonly PatchGrid[];
  /** What the model has seen in each (`see`); without, it looks for each text again. */
  readonly seen?: readonly Readonly<Record<string, Tensor>>[] | undefined;
}

/** What the states of a language model that reads images too are asked for with. */
export interface VisionStatesCall extends HiddenStatesCall {
  /** The images of the text, one for each run of image tokens; of a single row. */
  readonly images?: VisionInputs | undefined;
}

/** How language models that read images too are called. */
export interface VisionLanguageMethods extends LanguageModelMethods {
  /**
   * Some of the hidden states alone, float32 [N, tokens, hidden_size] each.
   *
   * @param inputIds int64 [N, tokens]; [1, tokens] with images.
   * @param indices Which of the num_hidden_layers + 1 states; negative ones count from the end.
   * @throws {RangeError} for a state that there is not.
   * @throws {TypeError} for images that are not as many as the text has places for, or beside `positionIds`.
   */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: VisionStatesCall,
  ): Promise<Tensor[]>;
  /** Images with what the model sees in them, for several texts about the same ones. */
  see(
    images: VisionInputs,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<VisionInputs>;
}

/** What of a model reads images: its graph `visual`, which gives `states` and, of some models, `deep`. */
export interface VisionTower {
  /** The id of the token that stands for patches of an image. */
  readonly token: number;
  /** Patches of a side that become one token. */
  readonly merge: number;
  /** How many of the states of `deep` layers of the language model take. Defaults to 0. */
  readonly deepLayers?: number;
  /** What the graph is given beside the patches of an image. */
  readonly placesOf: (grid: PatchGrid) => Readonly<Record<string, Tensor>>;
}

/**
 * The methods of a language model that reads images too, whose graph `forward` takes `places` float32 [tokens, 3],
 * `image_states` [1, tokens, C] and, where some layers take them, `deep_states` [layers, 1, tokens, C].
 */
export function visionLanguageMethods(
  model: Pick<Runner<LanguageModelConfig>, "run" | "config">,
  tower: VisionTower,
): VisionLanguageMethods {
  const { token, merge, deepLayers = 0, placesOf } = tower;
  const run: typeof model.run = (graph, { places, ...inputs }, options) =>
    model.run(graph, { ...inputs, places: places && onAllAxes(places) }, options);
  const language = languageModelMethods({ config: model.config, run });
  const see: VisionLanguageMethods["see"] = async (images, { signal } = {}) => {
    const seen: Readonly<Record<string, Tensor>>[] = [];
    let first = 0;
    for (const grid of images.imageGridThw) {
      const last = first + grid[0] * grid[1] * grid[2];
      const patches = images.pixelValues.slice(0, first, last);
      seen.push(await model.run("visual", { patches, ...placesOf(grid) }, { signal }));
      first = last;
    }
    return { ...images, seen };
  };
  return {
    ...language,
    see,
    async hiddenStates(inputIds, indices, options = {}) {
      const { images, attentionMask, positionIds, signal } = options;
      if (images === undefined) return await language.hiddenStates(inputIds, indices, options);
      if (positionIds !== undefined) {
        throw new TypeError(
          "Cannot place tokens at positionIds beside images: these say where the tokens are; leave positionIds out",
        );
      }
      const row = Array.from(inputIds.data, Number);
      const mask = attentionMask && Array.from(attentionMask.data, Number);
      const places = textPlaces(row, images.imageGridThw, { token, merge, mask });
      const { seen = [] } = images.seen === undefined ? await see(images, { signal }) : images;
      const layers = Array.from({ length: deepLayers }, (_, layer) => {
        const states = seen.map(({ deep }) => deep!.slice(0, layer, layer + 1).squeeze(0));
        return statesAmong(row, Tensor.cat(states, 0), token);
      });
      return await runHiddenStates(model, indices, {
        input_ids: inputIds,
        attention_mask: attentionMask,
        places,
        image_states: statesAmong(row, Tensor.cat(seen.map(({ states }) => states!), 0), token),
        deep_states: layers.length === 0 ? undefined : Tensor.stack(layers, 0),
      }, options);
    },
  };
}

/** Places of a text's tokens, int64 [tokens, 1], on time, row and column alike: float32 [tokens, 3]. */
function onAllAxes(places: Tensor): Tensor {
  const values = Array.from(places.data, Number).flatMap((place) => [place, place, place]);
  return Tensor.from(Float32Array.from(values), [places.dims[0]!, 3]);
}

/** Row and column of an image's patches, in their order: those of a token come one after the other. */
export function patchPlaces(
  [, rows, columns]: PatchGrid,
  merge: number,
): readonly (readonly [row: number, column: number])[] {
  const across = columns / merge;
  return Array.from({ length: rows * columns }, (_, patch) => {
    const [token, inside] = [Math.floor(patch / merge ** 2), patch % merge ** 2];
    const [row, column] = [Math.floor(token / across), token % across];
    return [row * merge + Math.floor(inside / merge), column * merge + inside % merge];
  });
}

/** Which token stands for an image, how many patches of a side become one, and what counts. */
interface TextLayout {
  /** The token's id. */
  readonly token: number;
  /** Patches of a side. */
  readonly merge: number;
  /** Which tokens count, 1 or 0; the others are at 0 and move none. Defaults to all. */
  readonly mask?: readonly number[] | undefined;
}

/**
 * Time, row and column of the tokens of a text with images (`get_rope_index`): those of an image lie side by
 * side, and what comes behind it goes on from its longer side.
 *
 * @returns float32 [tokens, 3].
 * @throws {TypeError} for images that are not as many as the text has places for.
 */
function textPlaces(
  ids: readonly number[],
  grids: readonly PatchGrid[],
  { token, merge, mask }: TextLayout,
): Tensor {
  const places = new Float32Array(ids.length * 3);
  const left = [...grids];
  let [at, place] = [0, 0];
  while (at < ids.length) {
    if (mask?.[at] === 0) {
      at++;
      continue;
    }
    if (ids[at] !== token) {
      places.fill(place++, 3 * at, 3 * ++at);
      continue;
    }
    const [, rows, columns] = left.shift() ?? [0, 0, 0];
    const [high, wide] = [rows / merge, columns / merge];
    const fits = high > 0 && ids.slice(at, at + high * wide).every((id) => id === token);
    if (!fits || at + high * wide > ids.length) throw mismatch(ids, grids, token);
    for (let i = 0; i < high * wide; i++, at++) {
      places.set([place, place + Math.floor(i / wide), place + i % wide], 3 * at);
    }
    place += Math.max(high, wide);
  }
  if (left.length > 0) throw mismatch(ids, grids, token);
  return Tensor.from(places, [ids.length, 3]);
}

function mismatch(ids: readonly number[], grids: readonly unknown[], token: number): TypeError {
  return new TypeError(
    `Cannot read ${grids.length} images in a text with ${
      ids.filter((id) => id === token).length
    } tokens of ` +
      "images: there must be one for each 2x2 patches of each image",
  );
}

/** States of images where their tokens are, zeros elsewhere: float32 [1, tokens, C]. */
function statesAmong(ids: readonly number[], states: Tensor, token: number): Tensor {
  const [, width] = states.dims as [number, number];
  const all = new Float32Array(ids.length * width);
  const values = states.toFloat32Array();
  let next = 0;
  for (const [i, id] of ids.entries()) {
    if (id !== token) continue;
    all.set(values.subarray(next * width, (next + 1) * width), i * width);
    next++;
  }
  return Tensor.from(all, [1, ids.length, width]);
}
