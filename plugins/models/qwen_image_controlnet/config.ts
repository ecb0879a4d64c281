import { type ConfigSchema, maybe, number } from "@denoise/core";

/** Options of a QwenImageControlNetModel, as they stand in config.json. */
export interface QwenImageControlNetConfig {
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Channels of a token: 4 times those of the latents. */
  readonly in_channels: number;
  /** Of the transformer's; not used. */
  readonly out_channels: number | null;
  /** Number of blocks. */
  readonly num_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** Channels of a control token beside those of latents: 4 for one that inpaints. */
  readonly extra_condition_channels: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<QwenImageControlNetConfig> = {
  patch_size: 2,
  in_channels: 64,
  out_channels: maybe(number, 16),
  num_layers: 60,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 3584,
  axes_dims_rope: [16, 56, 56],
  extra_condition_channels: 0,
};
