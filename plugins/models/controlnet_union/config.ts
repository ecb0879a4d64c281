import type { ConfigSchema } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";
import { checkControlNet, type ControlNetConfig, controlNetOptions } from "@denoise/onnx/blocks";

/** Options of a ControlNetUnionModel, as they stand in config.json. */
export interface ControlNetUnionConfig extends ControlNetConfig {
  /** How many kinds of images it knows. */
  readonly num_control_type: number;
  /** Width of the layers that weigh the images. */
  readonly num_trans_channel: number;
  /** Their heads. */
  readonly num_trans_head: number;
  /** How many there are. */
  readonly num_trans_layer: number;
  /** Width of what they add: the first level's channels. */
  readonly num_proj_channel: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ControlNetUnionConfig> = {
  ...controlNetOptions,
  conditioning_embedding_out_channels: [48, 96, 192, 384],
  num_control_type: 6,
  num_trans_channel: 320,
  num_trans_head: 8,
  num_trans_layer: 1,
  num_proj_channel: 320,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: ControlNetUnionConfig): void {
  const { controlnet_conditioning_channel_order: order, addition_time_embed_dim: width } = config;
  checkControlNet("ControlNetUnionModel", config);
  if (order !== "rgb") {
    throw unsupportedOption(
      "ControlNetUnionModel",
      "controlnet_conditioning_channel_order",
      order,
      ["rgb"],
    );
  }
  if (width === null) {
    throw unsupportedOption("ControlNetUnionModel", "addition_time_embed_dim", width);
  }
}
