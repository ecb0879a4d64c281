import {
  type AdaptableModel,
  attentionScales,
  type BlockScales,
  type LoraAdapter,
} from "@denoise/adapters";
import { type Adaptable, adaptableParts, changeAll, checkNames } from "./parts.ts";

/**
 * How much of an adapter is applied to the layers in whose names these parts stand, such as
 * `{ "transformer_blocks.0": 0.5 }`; the first that fits counts, and others get 1.
 *
 * @category Adapters
 */
export type LayerWeights = Readonly<Record<string, number>>;

/**
 * How much of an adapter is applied to each component. Defaults to 1; to a UNet also by blocks, where
 * those that are not named get 1, to others by layers.
 *
 * @category Adapters
 */
export interface AdapterWeights {
  /** To the UNet. */
  readonly unet?: number | BlockScales | undefined;
  /** To the text encoder. */
  readonly textEncoder?: number | LayerWeights | undefined;
  /** To the transformer. */
  readonly transformer?: number | LayerWeights | undefined;
  /** To the second text encoder. */
  readonly textEncoder2?: number | LayerWeights | undefined;
  /** To the third text encoder. */
  readonly textEncoder3?: number | LayerWeights | undefined;
  /** To what turns words into states for Anima's transformer. */
  readonly textConditioner?: number | LayerWeights | undefined;
}

/**
 * Says how much of each adapter is applied; those that are not named are turned off
 * (`set_adapters`).
 *
 * @param weights One for each name, or one for all: a number, or weights by components and blocks; 1
 *   by default.
 * @throws {RangeError} for a name, a component or a block that is not there.
 *
 * @category Adapters
 *
 * @example Half of it in the up blocks, nothing in the text encoder
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * await pipe.setAdapters("pixel", { unet: { up: 0.5 }, textEncoder: 0 });
 * ```
 */
export async function setAdapters(
  pipe: Adaptable,
  names: string | readonly string[],
  weights: number | AdapterWeights | readonly (number | AdapterWeights)[] = 1,
): Promise<void> {
  const wanted = [names].flat() as string[];
  checkNames("use", pipe, wanted);
  const list = Array.isArray(weights)
    ? weights as readonly (number | AdapterWeights)[]
    : wanted.map(() => weights as number | AdapterWeights);
  if (list.length !== wanted.length) {
    throw new RangeError(
      `Cannot weigh ${wanted.length} adapters with ${list.length} weights: give one for each`,
    );
  }
  const parts = adaptableParts(pipe);
  const roles = parts.map(([role]) => role);
  for (const given of list) checkComponents(given, roles);
  await changeAll(parts.map(([role, part]) => [
    part,
    part.adapters.map((adapter): LoraAdapter => {
      if (adapter.isUnloaded) return adapter;
      const at = wanted.indexOf(adapter.name);
      if (at === -1) return { ...adapter, isActive: false };
      return { ...adapter, isActive: true, weight: weightIn(role, part, list[at]!) };
    }),
  ]));
}

function checkComponents(weights: number | AdapterWeights, roles: readonly string[]): void {
  if (typeof weights === "number") return;
  const unknown = Object.keys(weights).find((role) => !roles.includes(role));
  if (unknown === undefined) return;
  throw new RangeError(
    `Cannot weigh an adapter in ${unknown}: it can be in ${roles.join(", ")}`,
  );
}

/** The weight of an adapter in a component: a number, or what each layer gets. */
function weightIn(
  role: string,
  { layerShapes }: AdaptableModel,
  weights: number | AdapterWeights,
): LoraAdapter["weight"] {
  const own = typeof weights === "number" ? weights : weights[role as keyof AdapterWeights] ?? 1;
  if (typeof own === "number") {
    if (Number.isFinite(own)) return own;
    throw new RangeError(`Cannot weigh an adapter in ${role} by ${own}: give a number`);
  }
  if (role !== "unet") return weightOfLayers(role, own as LayerWeights, layerShapes.keys());
  const weightOf = attentionScales(own as BlockScales, [...layerShapes.keys()], 1);
  // as in diffusers what lies beside an attention goes with it: resnets.0 with attentions.0
  return (layer) =>
    weightOf(layer.replace(/^((?:down|up)_blocks\.\d+)\.\w+\.(\d+)\./, "$1.attentions.$2."));
}

/** Weights of layers by parts of their names. */
function weightOfLayers(
  role: string,
  weights: LayerWeights,
  layers: Iterable<string>,
): (layer: string) => number {
  const names = [...layers];
  for (const [part, weight] of Object.entries(weights)) {
    if (!names.some((layer) => layer.includes(part))) {
      throw new RangeError(
        `Cannot weigh an adapter in ${role} at ${
          JSON.stringify(part)
        }: no layer has that in its name`,
      );
    }
    if (!Number.isFinite(weight)) {
      throw new RangeError(
        `Cannot weigh an adapter in ${role} at ${JSON.stringify(part)} by ${weight}: give a number`,
      );
    }
  }
  const entries = Object.entries(weights);
  return (layer) => entries.find(([part]) => layer.includes(part))?.[1] ?? 1;
}
