import { type ConfigSchema, maybe, number } from "@denoise/core";

/** Options of a FluxTransformer2DModel, as they stand in config.json. */
export interface FluxTransformerConfig {
  /** Pixels of a side that are one token; latents come packed, so 1. */
  readonly patch_size: number;
  /** Channels of a token: 4 times those of the latents, more for Fill and Control. */
  readonly in_channels: number;
  /** Channels of a token of the result; `in_channels` when null. */
  readonly out_channels: number | null;
  /** Blocks in which text and image have weights of their own. */
  readonly num_layers: number;
  /** Blocks in which they share them. */
  readonly num_single_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Width of the pooled text. */
  readonly pooled_projection_dim: number;
  /** Whether the guidance scale is an input (FLUX.1 dev). */
  readonly guidance_embeds: boolean;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<FluxTransformerConfig> = {
  patch_size: 1,
  in_channels: 64,
  out_channels: maybe(number),
  num_layers: 19,
  num_single_layers: 38,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 4096,
  pooled_projection_dim: 768,
  guidance_embeds: false,
  axes_dims_rope: [16, 56, 56],
};
