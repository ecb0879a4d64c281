import { type ConfigSchema, maybe, number, oneOf } from "@denoise/core";

/** Options of an SD3ControlNetModel, as they stand in config.json. */
export interface SD3ControlNetConfig {
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** How many blocks. */
  readonly num_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states; null for one that is given no text (3.5 large). */
  readonly joint_attention_dim: number | null;
  /** Width of the pooled text. */
  readonly pooled_projection_dim: number;
  /** Tokens of a side of the table of positions. */
  readonly pos_embed_max_size: number;
  /** Channels of the control image beside those of latents, such as a mask. */
  readonly extra_conditioning_channels: number;
  /** Blocks with a second attention among the image's tokens. */
  readonly dual_attention_layers: readonly number[];
  /** Normalization of queries and keys; none when null. */
  readonly qk_norm: "rms_norm" | null;
  /** What tells tokens of the latents where they are; nothing when null. */
  readonly pos_embed_type: "sincos" | null;
  /** Whether it makes tokens of latents itself; else it is given those of the transformer (3.5 large). */
  readonly use_pos_embed: boolean;
  /** Whether it was trained with zeros for the pooled text, and control images without `shift_factor`. */
  readonly force_zeros_for_pooled_projection: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<SD3ControlNetConfig> = {
  patch_size: 2,
  in_channels: 16,
  num_layers: 18,
  attention_head_dim: 64,
  num_attention_heads: 18,
  joint_attention_dim: maybe(number, 4096),
  pooled_projection_dim: 2048,
  pos_embed_max_size: 96,
  extra_conditioning_channels: 0,
  dual_attention_layers: [],
  qk_norm: oneOf(null, "rms_norm"),
  pos_embed_type: oneOf("sincos", null),
  use_pos_embed: true,
  force_zeros_for_pooled_projection: true,
};
