/**
 * Qwen2_5_VLForConditionalGeneration: the decoder language model (Bai et al., 2025, arXiv:2502.13923) that
 * Qwen-Image reads prompts and images with; the class of transformers. Its `lm_head` is left out: no text is generated.
 *
 * Not covered: videos, sliding windows, stretched positions, caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { Qwen2_5_VLForConditionalGeneration } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await Qwen2_5_VLForConditionalGeneration.fromPretrained("Qwen/Qwen-Image", {
 *   subfolder: "text_encoder",
 * });
 * const ids = Tensor.from([[9707, 11, 1879]], undefined, "int64");
 * const [state] = await encoder.hiddenStates(ids, [-1]);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  defineModel,
  float32,
  type HiddenStatesCall,
  int64,
  type LanguageModelMethods,
  languageModelMethods,
  namedStates,
  optional,
  type RopeParameters,
  runHiddenStates,
} from "@denoise/onnx";
import { decoderOptionsOf, decoderStates } from "@denoise/onnx/blocks";
import {
  adapt,
  check,
  type Qwen2_5_VLConfig,
  type Qwen2_5_VLVisionConfig,
  schema,
} from "./config.ts";
import { statesAmong, textPlaces } from "./places.ts";
import { placesOf, visual } from "./vision.ts";

export type { LanguageModelMethods, Qwen2_5_VLConfig, Qwen2_5_VLVisionConfig, RopeParameters };

/** Images of a text, as the model's processor prepares them. */
export interface VisionInputs {
  /** Patches of all images, float32 [patches, 3·2·patch²], 2x2 of them after the other. */
  readonly pixelValues: Tensor;
  /** Frames, rows and columns of patches of each image. */
  readonly imageGridThw: readonly (readonly [frames: number, rows: number, columns: number])[];
}

/** Options of {@linkcode Qwen2_5_VLForConditionalGeneration.hiddenStates}. */
export interface Qwen2_5_VLStatesOptions extends HiddenStatesCall {
  /** The images of the text, one for each run of image tokens; of a single row. */
  readonly images?: VisionInputs | undefined;
}

/** A loaded Qwen2_5_VLForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen2_5_VLForConditionalGeneration
  extends Model<Qwen2_5_VLConfig>, LanguageModelMethods {
  /**
   * Some of the hidden states alone, float32 [N, tokens, hidden_size] each.
   *
   * @param inputIds int64 [N, tokens]; [1, tokens] with images.
   * @param indices Which of the num_hidden_layers + 1 states; negative ones count from the end.
   * @throws {RangeError} for a state that there is not.
   * @throws {TypeError} for images that are not as many as the text has places for.
   */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: Qwen2_5_VLStatesOptions,
  ): Promise<Tensor[]>;
}

/** A decoder language model that reads images too; the class of that name of transformers. */
export const Qwen2_5_VLForConditionalGeneration: ModelClass<
  Qwen2_5_VLForConditionalGeneration
> = defineModel<Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration>({
  className: "Qwen2_5_VLForConditionalGeneration",
  library: "transformers",
  schema,
  check,
  adapt,
  rename: (stored) => stored.replace(/^model\.(visual\.)?(language_model\.)?/, "$1"),
  ignore: [/^lm_head\./, /rotary_emb\.inv_freq$/],
  graphs: {
    visual,
    forward: {
      cut: true,
      inputs: (config) => ({
        input_ids: int64("batch", "tokens"),
        attention_mask: optional(int64("batch", "tokens")),
        places: optional({ ...float32("tokens", 3), exact: true }),
        image_states: optional(float32("batch", "tokens", config.hidden_size)),
      }),
      build(s, config, { input_ids, attention_mask, places, image_states }) {
        const states = decoderStates(s, input_ids!, attention_mask, {
          ...decoderOptionsOf(config),
          headWidth: config.hidden_size / config.num_attention_heads,
          bias: true,
          outBias: false,
          normalized: false,
          places: places && { ids: places, sections: sectionsOf(config) },
          given: image_states && { token: config.image_token_id, states: image_states },
        });
        return namedStates(states);
      },
    },
  },
  methods(model) {
    const language = languageModelMethods(model);
    return {
      ...language,
      async hiddenStates(inputIds, indices, options = {}) {
        const { images, attentionMask, positionIds, signal } = options;
        if (positionIds !== undefined) {
          throw new TypeError(
            "Cannot place tokens at positionIds: Qwen2_5_VLForConditionalGeneration knows where tokens are " +
              "from its images alone",
          );
        }
        if (images === undefined) return await language.hiddenStates(inputIds, indices, options);
        const { vision_config, image_token_id } = model.config;
        const states: Tensor[] = [];
        let first = 0;
        for (const grid of images.imageGridThw) {
          const count = grid[1] * grid[2];
          const patches = images.pixelValues.slice(0, first, first + count);
          first += count;
          const given = { patches, ...placesOf(grid, vision_config) };
          states.push((await model.run("visual", given, { signal })).states!);
        }
        const row = Array.from(inputIds.data, Number);
        const layout = {
          token: image_token_id,
          merge: vision_config.spatial_merge_size,
          mask: attentionMask && Array.from(attentionMask.data, Number),
        };
        return await runHiddenStates(model, indices, {
          input_ids: inputIds,
          attention_mask: attentionMask,
          places: textPlaces(row, images.imageGridThw, layout),
          image_states: statesAmong(row, Tensor.cat(states, 0), image_token_id),
        }, options);
      },
    };
  },
});

/** How many pairs of a head's channels time, row and column turn. */
function sectionsOf({ rope_parameters, rope_scaling }: FrozenConfig<Qwen2_5_VLConfig>) {
  return rope_parameters?.mrope_section ?? rope_scaling?.mrope_section ?? [16, 24, 24];
}
