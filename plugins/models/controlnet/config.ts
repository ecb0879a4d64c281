import { type ConfigSchema, either, maybe, number, numbers, oneOf } from "@denoise/core";
import { checkKnown, checkLevels, unsupportedOption } from "@denoise/onnx";
import {
  type ConditionedUNetConfig,
  conditionedUNetOptions,
  downBlockTypes,
} from "@denoise/onnx/blocks";

/** Options of a ControlNetModel, as they stand in config.json. */
export interface ControlNetConfig extends ConditionedUNetConfig {
  /** Channels of the image that controls. */
  readonly conditioning_channels: number;
  /** Block in the middle, by its class name. */
  readonly mid_block_type: string;
  /** Residual blocks of a level. */
  readonly layers_per_block: number;
  /** Width of the text states. */
  readonly cross_attention_dim: number;
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly number[];
  /** The number of attention heads. */
  readonly num_attention_heads: number | readonly number[] | null;
  /** Order of the channels that it was trained with. */
  readonly controlnet_conditioning_channel_order: "rgb" | "bgr";
  /** Channels of the layers that bring the image to the size of the latents. */
  readonly conditioning_embedding_out_channels: readonly number[];
  /** Whether residuals are averaged over the image (as for shuffled contents). */
  readonly global_pool_conditions: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ControlNetConfig> = {
  ...conditionedUNetOptions,
  conditioning_channels: 3,
  mid_block_type: "UNetMidBlock2DCrossAttn",
  layers_per_block: 2,
  cross_attention_dim: 1280,
  transformer_layers_per_block: either(number, numbers)(1),
  num_attention_heads: maybe(either(number, numbers)),
  controlnet_conditioning_channel_order: oneOf("rgb", "bgr"),
  conditioning_embedding_out_channels: [16, 32, 96, 256],
  global_pool_conditions: false,
};

const SUPPORTED = {
  down_block_types: downBlockTypes,
  mid_block_type: ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D"],
  encoder_hid_dim: [null],
  encoder_hid_dim_type: [null],
  class_embed_type: ["timestep", "identity", "projection", null],
  addition_embed_type: ["text_time", null],
} as const;

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: ControlNetConfig): void {
  checkKnown("ControlNetModel", config, SUPPORTED);
  if (config.norm_num_groups === null) {
    throw unsupportedOption("ControlNetModel", "norm_num_groups", null);
  }
  checkLevels("ControlNetModel", config, "block_out_channels", [
    "down_block_types",
    "only_cross_attention",
    "transformer_layers_per_block",
    "attention_head_dim",
    "num_attention_heads",
  ]);
}
