import { type ConfigSchema, float, type FrozenConfig, maybe, number, oneOf } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a SanaTransformer2DModel, as they stand in config.json. */
export interface SanaTransformerConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the result; null means as many. */
  readonly out_channels: number | null;
  /** Heads of the attention among the image's tokens. */
  readonly num_attention_heads: number;
  /** Width of such a head. */
  readonly attention_head_dim: number;
  /** How many blocks. */
  readonly num_layers: number;
  /** Heads of the attention to the text. */
  readonly num_cross_attention_heads: number;
  /** Width of such a head. */
  readonly cross_attention_head_dim: number;
  /** Width of the text inside, which is that of a token. */
  readonly cross_attention_dim: number | null;
  /** Width of the text's states. */
  readonly caption_channels: number;
  /** How much wider the feed forward is inside. */
  readonly mlp_ratio: number;
  /** Whether queries, keys and values of the image have biases. */
  readonly attention_bias: boolean;
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Whether the normalization before the feed forward has weights. */
  readonly norm_elementwise_affine: boolean;
  /** Added to the variance in each normalization of a block. */
  readonly norm_eps: number;
  /** What coordinates are divided by; null means that tokens have no positions. */
  readonly interpolation_scale: number | null;
  /** Whether the guidance scale is an input (Sprint). */
  readonly guidance_embeds: boolean;
  /** What pipelines multiply that with. */
  readonly guidance_embeds_scale: number;
  /** Normalization of queries and keys, over all heads; null for none. */
  readonly qk_norm: "rms_norm_across_heads" | null;
  /** What pipelines multiply the timestep with. */
  readonly timestep_scale: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<SanaTransformerConfig> = {
  in_channels: 32,
  out_channels: maybe(number, 32),
  num_attention_heads: 70,
  attention_head_dim: 32,
  num_layers: 20,
  num_cross_attention_heads: 20,
  cross_attention_head_dim: 112,
  cross_attention_dim: maybe(number, 2240),
  caption_channels: 2304,
  mlp_ratio: float(2.5),
  attention_bias: false,
  sample_size: 32,
  patch_size: 1,
  norm_elementwise_affine: false,
  norm_eps: float(1e-6),
  interpolation_scale: maybe(number),
  guidance_embeds: false,
  guidance_embeds_scale: float(0.1),
  qk_norm: oneOf(null, "rms_norm_across_heads"),
  timestep_scale: float(1),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<SanaTransformerConfig>): void {
  const width = config.num_attention_heads * config.attention_head_dim;
  if (config.cross_attention_dim !== width) {
    const { cross_attention_dim } = config;
    throw unsupportedOption("SanaTransformer2DModel", "cross_attention_dim", cross_attention_dim, [
      width,
    ]);
  }
}
