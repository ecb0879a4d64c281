import { type ConfigSchema, float, type FrozenConfig, maybe, number, oneOf } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a DiTTransformer2DModel, as they stand in config.json. */
export interface DiTTransformerConfig {
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
  /** Whether queries, keys and values have biases. */
  readonly attention_bias: boolean;
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** What is between the linear layers of a feed-forward part. */
  readonly activation_fn: "gelu" | "gelu-approximate" | "geglu" | "swiglu" | "linear-silu";
  /** How many classes there are, beside the one of no class. */
  readonly num_embeds_ada_norm: number;
  /** Must be `"ada_norm_zero"`. */
  readonly norm_type: string;
  /** Must be false: normalizations have no weights. */
  readonly norm_elementwise_affine: boolean;
  /** Added to the variance before the feed forward. */
  readonly norm_eps: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<DiTTransformerConfig> = {
  num_attention_heads: 16,
  attention_head_dim: 72,
  in_channels: 4,
  out_channels: maybe(number),
  num_layers: 28,
  attention_bias: true,
  sample_size: 32,
  patch_size: 2,
  activation_fn: oneOf("gelu-approximate", "gelu", "geglu", "swiglu", "linear-silu"),
  num_embeds_ada_norm: 1000,
  norm_type: "ada_norm_zero",
  norm_elementwise_affine: false,
  norm_eps: float(1e-5),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(
  { norm_type, norm_elementwise_affine }: FrozenConfig<DiTTransformerConfig>,
): void {
  if (norm_type !== "ada_norm_zero") {
    throw unsupportedOption("DiTTransformer2DModel", "norm_type", norm_type, ["ada_norm_zero"]);
  }
  if (norm_elementwise_affine) {
    throw unsupportedOption("DiTTransformer2DModel", "norm_elementwise_affine", true, [false]);
  }
}
