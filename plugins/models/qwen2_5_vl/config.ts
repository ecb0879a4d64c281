import {
  anything,
  type ConfigSchema,
  float,
  type FrozenConfig,
  type JsonObject,
  maybe,
  number,
} from "@denoise/core";
import {
  checkLanguageModel,
  type LanguageModelConfig,
  languageModelOptions,
  visionLanguageConfig,
} from "@denoise/onnx";

/** Options of the part that reads images, as they stand under `vision_config`. */
export interface Qwen2_5_VLVisionConfig {
  /** Number of blocks. */
  readonly depth: number;
  /** Width of the states of a patch. */
  readonly hidden_size: number;
  /** The activation of a feed forward's gate. */
  readonly hidden_act: string;
  /** How many heads. */
  readonly num_heads: number;
  /** Channels of an image. */
  readonly in_channels: number;
  /** Pixels of a patch's side. */
  readonly patch_size: number;
  /** Patches of a side that become one token. */
  readonly spatial_merge_size: number;
  /** Frames of a patch; an image is repeated. */
  readonly temporal_patch_size: number;
  /** Pixels of a window's side. */
  readonly window_size: number;
  /** Blocks whose patches attend to all others, not within windows alone. */
  readonly fullatt_block_indexes: readonly number[];
}

/** What is not in a config, as the reference has it. */
const VISION: Qwen2_5_VLVisionConfig = {
  depth: 32,
  hidden_size: 3584,
  hidden_act: "silu",
  num_heads: 16,
  in_channels: 3,
  patch_size: 14,
  spatial_merge_size: 2,
  temporal_patch_size: 2,
  window_size: 112,
  fullatt_block_indexes: [7, 15, 23, 31],
};

/** Options of a Qwen2_5_VLForConditionalGeneration, as they stand in config.json. */
export interface Qwen2_5_VLConfig extends LanguageModelConfig {
  /** The part that reads images. */
  readonly vision_config: Qwen2_5_VLVisionConfig;
  /** The token that stands for 2x2 patches of an image. */
  readonly image_token_id: number;
}

/** What config.json says, its nested parts laid out. */
export function adapt(config: JsonObject): JsonObject {
  return visionLanguageConfig(config, VISION);
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Qwen2_5_VLConfig> = {
  ...languageModelOptions,
  vocab_size: 152064,
  hidden_size: 8192,
  intermediate_size: 29568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: maybe(number, 8),
  rms_norm_eps: float(1e-5),
  rope_theta: float(1000000),
  vision_config: anything<Qwen2_5_VLVisionConfig>(VISION),
  image_token_id: 151655,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Qwen2_5_VLConfig>): void {
  checkLanguageModel("Qwen2_5_VLForConditionalGeneration", config, ["mrope"]);
}
