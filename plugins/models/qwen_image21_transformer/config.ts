import { type ConfigSchema, float, type FrozenConfig, maybe, number } from "@denoise/core";

/** Options of a QwenImage21Transformer2DModel, as they stand in config.json. */
export interface QwenImage21TransformerConfig {
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the latents of the result; `in_channels` when null. */
  readonly out_channels: number | null;
  /** Number of blocks. */
  readonly num_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states. */
  readonly context_in_dim: number;
  /** How many times wider it is inside a feed forward. */
  readonly mlp_ratio: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** Added to variance or mean square in each normalization. */
  readonly eps: number;
  /** Whether the text is modulated as at time 0. */
  readonly causal_condition: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<QwenImage21TransformerConfig> = {
  patch_size: 1,
  in_channels: 64,
  out_channels: maybe(number, 64),
  num_layers: 32,
  attention_head_dim: 128,
  num_attention_heads: 32,
  context_in_dim: 4096,
  mlp_ratio: 3,
  axes_dims_rope: [16, 56, 56],
  eps: float(1e-6),
  causal_condition: true,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<QwenImage21TransformerConfig>): void {
  const { axes_dims_rope, attention_head_dim } = config;
  const width = axes_dims_rope.reduce((sum, one) => sum + one, 0);
  if (axes_dims_rope.length === 3 && width === attention_head_dim) return;
  throw new RangeError(
    `Cannot build QwenImage21Transformer2DModel: axes_dims_rope is [${axes_dims_rope}]; there must be three, ` +
      `which add up to attention_head_dim, ${attention_head_dim}`,
  );
}
