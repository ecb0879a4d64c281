import type { ConfigSchema } from "@denoise/core";
import type { FluxGraphConfig } from "@denoise/onnx/blocks";

/** Options of a LongCatImageTransformer2DModel, as they stand in config.json. */
export interface LongCatImageTransformerConfig extends FluxGraphConfig {
  /** Pixels of a side that are one token; latents come packed, so 1. */
  readonly patch_size: number;
  /** Stands in configs and has no effect. */
  readonly pooled_projection_dim: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<LongCatImageTransformerConfig> = {
  patch_size: 1,
  in_channels: 64,
  num_layers: 19,
  num_single_layers: 38,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 3584,
  pooled_projection_dim: 3584,
  axes_dims_rope: [16, 56, 56],
};
