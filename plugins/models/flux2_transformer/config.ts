import { type ConfigSchema, float, type FrozenConfig, maybe, number } from "@denoise/core";

/** Options of a Flux2Transformer2DModel, as they stand in config.json. */
export interface Flux2TransformerConfig {
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Channels of a token. */
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
  /** Channels of the waves that stand for the timestep. */
  readonly timestep_guidance_channels: number;
  /** Width inside a feed forward, in widths of a token. */
  readonly mlp_ratio: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** The longest wavelength of the positions is 2π times this. */
  readonly rope_theta: number;
  /** Added to variances and mean squares in normalizations. */
  readonly eps: number;
  /** Whether the guidance scale is an input (FLUX.2 dev). */
  readonly guidance_embeds: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Flux2TransformerConfig> = {
  patch_size: 1,
  in_channels: 128,
  out_channels: maybe(number),
  num_layers: 8,
  num_single_layers: 48,
  attention_head_dim: 128,
  num_attention_heads: 48,
  joint_attention_dim: 15360,
  timestep_guidance_channels: 256,
  mlp_ratio: float(3),
  axes_dims_rope: [32, 32, 32, 32],
  rope_theta: 2000,
  eps: float(1e-6),
  guidance_embeds: true,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Flux2TransformerConfig>): void {
  const { axes_dims_rope: axes, attention_head_dim } = config;
  if (axes.reduce((sum, one) => sum + one, 0) === attention_head_dim) return;
  throw new RangeError(
    `Cannot build Flux2Transformer2DModel: axes_dims_rope is [${axes}]; its numbers must add up to ` +
      `attention_head_dim, ${attention_head_dim}`,
  );
}
