import { type ConfigSchema, maybe, number } from "@denoise/core";
import type { FluxGraphConfig } from "@denoise/onnx/blocks";

/** Options of an OvisImageTransformer2DModel, as they stand in config.json. */
export interface OvisImageTransformerConfig extends FluxGraphConfig {
  /** Pixels of a side that are one token; latents come packed, so 1. */
  readonly patch_size: number;
  /** Channels of a token of the result; `in_channels` when null. */
  readonly out_channels: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<OvisImageTransformerConfig> = {
  patch_size: 1,
  in_channels: 64,
  out_channels: maybe(number, 64),
  num_layers: 6,
  num_single_layers: 27,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 2048,
  axes_dims_rope: [16, 56, 56],
};
