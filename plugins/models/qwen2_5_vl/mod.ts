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
import type { FrozenConfig, Model, ModelClass } from "@denoise/core";
import {
  defineModel,
  type RopeParameters,
  type VisionInputs,
  type VisionLanguageMethods,
  visionLanguageMethods,
  type VisionStatesCall,
} from "@denoise/onnx";
import { visionDecoderGraph } from "@denoise/onnx/blocks";
import {
  adapt,
  check,
  type Qwen2_5_VLConfig,
  type Qwen2_5_VLVisionConfig,
  schema,
} from "./config.ts";
import { placesOf, visual } from "./vision.ts";

export type {
  Qwen2_5_VLConfig,
  Qwen2_5_VLVisionConfig,
  RopeParameters,
  VisionInputs,
  VisionLanguageMethods,
  VisionStatesCall,
};

/** A loaded Qwen2_5_VLForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen2_5_VLForConditionalGeneration
  extends Model<Qwen2_5_VLConfig>, VisionLanguageMethods {}

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
    forward: visionDecoderGraph((config) => ({
      headWidth: config.hidden_size / config.num_attention_heads,
      bias: true,
      outBias: false,
      normalized: false,
      axes: sectionsOf(config).flatMap((count, axis) => Array<number>(count).fill(axis)),
      token: config.image_token_id,
    })),
  },
  methods(model) {
    const { vision_config: vision, image_token_id: token } = model.config;
    return visionLanguageMethods(model, {
      token,
      merge: vision.spatial_merge_size,
      placesOf: (grid) => ({ ...placesOf(grid, vision) }),
    });
  },
});

/** How many pairs of a head's channels time, row and column turn, one after the other. */
function sectionsOf({ rope_parameters, rope_scaling }: FrozenConfig<Qwen2_5_VLConfig>) {
  return rope_parameters?.mrope_section ?? rope_scaling?.mrope_section ?? [16, 24, 24];
}
