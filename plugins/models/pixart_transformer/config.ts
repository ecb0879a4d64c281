import {
  boolean,
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  number,
  oneOf,
} from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a PixArtTransformer2DModel, as they stand in config.json. */
export interface PixArtTransformerConfig {
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the result: twice as many where it tells a variance too; null means as many. */
  readonly out_channels: number | null;
  /** How many blocks. */
  readonly num_layers: number;
  /** Width of the text inside; null for blocks that do not attend to a text. */
  readonly cross_attention_dim: number | null;
  /** Whether queries, keys and values have biases. */
  readonly attention_bias: boolean;
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** What is between the linear layers of a feed-forward part. */
  readonly activation_fn: "gelu" | "gelu-approximate" | "geglu" | "swiglu" | "linear-silu";
  /** Must be `"ada_norm_single"`. */
  readonly norm_type: string;
  /** Must be false: normalizations have no weights. */
  readonly norm_elementwise_affine: boolean;
  /** Added to the variance in each normalization of a block. */
  readonly norm_eps: number;
  /** What coordinates are divided by; null means sample_size / 64, at least 1. */
  readonly interpolation_scale: number | null;
  /** Whether resolution and aspect ratio are inputs; null means where sample_size is 128. */
  readonly use_additional_conditions: boolean | null;
  /** Width of the text's states, which are projected; null means they are not. */
  readonly caption_channels: number | null;
  /** Must be `"default"`. */
  readonly attention_type: string;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<PixArtTransformerConfig> = {
  num_attention_heads: 16,
  attention_head_dim: 72,
  in_channels: 4,
  out_channels: maybe(number, 8),
  num_layers: 28,
  cross_attention_dim: maybe(number, 1152),
  attention_bias: true,
  sample_size: 128,
  patch_size: 2,
  activation_fn: oneOf("gelu-approximate", "gelu", "geglu", "swiglu", "linear-silu"),
  norm_type: "ada_norm_single",
  norm_elementwise_affine: false,
  norm_eps: float(1e-6),
  interpolation_scale: maybe(number),
  use_additional_conditions: maybe(boolean),
  caption_channels: maybe(number),
  attention_type: "default",
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<PixArtTransformerConfig>): void {
  const known = {
    norm_type: "ada_norm_single",
    norm_elementwise_affine: false,
    attention_type: "default",
  } as const;
  for (const [option, value] of Object.entries(known)) {
    const found = config[option as keyof typeof known];
    if (found !== value) {
      throw unsupportedOption("PixArtTransformer2DModel", option, found, [value]);
    }
  }
}
