import { type ConfigSchema, type FrozenConfig, maybe, number } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a QwenImageTransformer2DModel, as they stand in config.json. */
export interface QwenImageTransformerConfig {
  /** Latents of a side that are one token of the result. */
  readonly patch_size: number;
  /** Channels of a token: 4 times those of the latents. */
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
  readonly joint_attention_dim: number;
  /** Must be false: the reference has no layers for the guidance scale. */
  readonly guidance_embeds: boolean;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** Whether reference images are modulated as at time 0 (Qwen-Image-Edit-2511). */
  readonly zero_cond_t: boolean;
  /** Whether it is conditioned on the images being layers (Qwen-Image-Layered). */
  readonly use_additional_t_cond: boolean;
  /** Whether the last image is none of the layers but what they add up to (Qwen-Image-Layered). */
  readonly use_layer3d_rope: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<QwenImageTransformerConfig> = {
  patch_size: 2,
  in_channels: 64,
  out_channels: maybe(number, 16),
  num_layers: 60,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 3584,
  guidance_embeds: false,
  axes_dims_rope: [16, 56, 56],
  zero_cond_t: false,
  use_additional_t_cond: false,
  use_layer3d_rope: false,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<QwenImageTransformerConfig>): void {
  const { guidance_embeds, axes_dims_rope, attention_head_dim } = config;
  if (guidance_embeds) {
    throw unsupportedOption("QwenImageTransformer2DModel", "guidance_embeds", true, [false]);
  }
  const width = axes_dims_rope.reduce((sum, one) => sum + one, 0);
  if (axes_dims_rope.length === 3 && width === attention_head_dim) return;
  throw new RangeError(
    `Cannot build QwenImageTransformer2DModel: axes_dims_rope is [${axes_dims_rope}]; there must be three, ` +
      `which add up to attention_head_dim, ${attention_head_dim}`,
  );
}
