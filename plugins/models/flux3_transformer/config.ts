import { type ConfigSchema, float, type FrozenConfig } from "@denoise/core";

/** Options of a Flux3Transformer2DModel, as they stand in config.json. */
export interface Flux3TransformerConfig {
  /** Channels of a token of the image that is made. */
  readonly in_channels: number;
  /** Channels of a token of a reference image. */
  readonly cond_in_channels: number;
  /** Blocks in which text, image and reference images each attend to themselves alone. */
  readonly num_layers: number;
  /** Blocks in which they attend to each other. */
  readonly num_single_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Channels of the waves that stand for the timestep. */
  readonly timestep_channels: number;
  /** Width inside a feed forward, in widths of a token. */
  readonly mlp_ratio: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** The longest wavelength of the positions is 2π times this. */
  readonly rope_theta: number;
  /** Added to variances and mean squares in normalizations. */
  readonly eps: number;
  /** Whether the timestep that a step leads to is an input, as in models distilled to few steps. */
  readonly flow_map: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Flux3TransformerConfig> = {
  in_channels: 128,
  cond_in_channels: 128,
  num_layers: 5,
  num_single_layers: 28,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 20480,
  timestep_channels: 256,
  mlp_ratio: float(3),
  axes_dims_rope: [32, 32, 32, 32],
  rope_theta: 10000,
  eps: float(1e-6),
  flow_map: false,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Flux3TransformerConfig>): void {
  const { axes_dims_rope: axes, attention_head_dim } = config;
  if (axes.reduce((sum, one) => sum + one, 0) === attention_head_dim) return;
  throw new RangeError(
    `Cannot build Flux3Transformer2DModel: axes_dims_rope is [${axes}]; its numbers must add up to ` +
      `attention_head_dim, ${attention_head_dim}`,
  );
}
