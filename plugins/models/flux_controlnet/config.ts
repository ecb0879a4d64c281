import { type ConfigSchema, maybe, number } from "@denoise/core";

/** Options of a FluxControlNetModel, as they stand in config.json. */
export interface FluxControlNetConfig {
  /** Latents of a side that are one token of a control image that comes as pixels. */
  readonly patch_size: number;
  /** Channels of a token, of the latents and of the control image alike. */
  readonly in_channels: number;
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
  /** Whether the guidance scale is an input. */
  readonly guidance_embeds: boolean;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** How many kinds of control images a union knows; null for a ControlNet of one kind. */
  readonly num_mode: number | null;
  /** Channels that pixels of a control image become; null where it comes as latents. */
  readonly conditioning_embedding_channels: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<FluxControlNetConfig> = {
  patch_size: 1,
  in_channels: 64,
  num_layers: 19,
  num_single_layers: 38,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 4096,
  pooled_projection_dim: 768,
  guidance_embeds: false,
  axes_dims_rope: [16, 56, 56],
  num_mode: maybe(number),
  conditioning_embedding_channels: maybe(number),
};
