import { type ConfigSchema, float, type FrozenConfig, numbers } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of an ErnieImageTransformer2DModel, as they stand in config.json. */
export interface ErnieImageTransformerConfig {
  /** Channels of a token inside. */
  readonly hidden_size: number;
  /** Heads of an attention. */
  readonly num_attention_heads: number;
  /** Number of blocks. */
  readonly num_layers: number;
  /** Width inside a feed forward. */
  readonly ffn_hidden_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the latents of the result. */
  readonly out_channels: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Width of the text's states; they are projected where it is not `hidden_size`. */
  readonly text_in_dim: number;
  /** The longest wavelength of the positions is 2π times this. */
  readonly rope_theta: number;
  /** Channels of a head for each axis of the positions. */
  readonly rope_axes_dim: readonly number[];
  /** Added to variance or mean square in each normalization. */
  readonly eps: number;
  /** Must be true: queries and keys are normalized. */
  readonly qk_layernorm: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ErnieImageTransformerConfig> = {
  hidden_size: 3072,
  num_attention_heads: 24,
  num_layers: 24,
  ffn_hidden_size: 8192,
  in_channels: 128,
  out_channels: 128,
  patch_size: 1,
  text_in_dim: 2560,
  rope_theta: 256,
  rope_axes_dim: numbers([32, 48, 48]),
  eps: float(1e-6),
  qk_layernorm: true,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<ErnieImageTransformerConfig>): void {
  const { hidden_size, num_attention_heads, rope_axes_dim, qk_layernorm } = config;
  if (!qk_layernorm) { // in diffusers it is an error too
    throw unsupportedOption("ErnieImageTransformer2DModel", "qk_layernorm", false, [true]);
  }
  const head = hidden_size / num_attention_heads;
  const width = rope_axes_dim.reduce((sum, one) => sum + one, 0);
  if (rope_axes_dim.length === 3 && width === head && head % 2 === 0) return;
  throw new RangeError(
    `Cannot build ErnieImageTransformer2DModel: rope_axes_dim is [${rope_axes_dim}]; there must be three even ` +
      `numbers, which add up to hidden_size / num_attention_heads, ${head}`,
  );
}
