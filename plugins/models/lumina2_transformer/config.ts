import { type ConfigSchema, float, maybe, number } from "@denoise/core";

/** Options of a Lumina2Transformer2DModel, as they stand in config.json. */
export interface Lumina2TransformerConfig {
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the result; null means as many. */
  readonly out_channels: number | null;
  /** Width of a token. */
  readonly hidden_size: number;
  /** Blocks on text and image as one row. */
  readonly num_layers: number;
  /** Blocks before that on each by itself. */
  readonly num_refiner_layers: number;
  /** Heads of the queries. */
  readonly num_attention_heads: number;
  /** Heads of keys and values. */
  readonly num_kv_heads: number;
  /** What the width inside a feed forward is a multiple of. */
  readonly multiple_of: number;
  /** What that width is multiplied with before; null for 1. */
  readonly ffn_dim_multiplier: number | null;
  /** Added to the mean square in each normalization. */
  readonly norm_eps: number;
  /** Unused. */
  readonly scaling_factor: number;
  /** How many of a head's channels text place, row and column turn. */
  readonly axes_dim_rope: readonly number[];
  /** How many places, rows and columns there are. */
  readonly axes_lens: readonly number[];
  /** Width of the text's states. */
  readonly cap_feat_dim: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Lumina2TransformerConfig> = {
  sample_size: 128,
  patch_size: 2,
  in_channels: 16,
  out_channels: maybe(number),
  hidden_size: 2304,
  num_layers: 26,
  num_refiner_layers: 2,
  num_attention_heads: 24,
  num_kv_heads: 8,
  multiple_of: 256,
  ffn_dim_multiplier: maybe(float),
  norm_eps: float(1e-5),
  scaling_factor: float(1),
  axes_dim_rope: [32, 32, 32],
  axes_lens: [300, 512, 512],
  cap_feat_dim: 1024,
};
