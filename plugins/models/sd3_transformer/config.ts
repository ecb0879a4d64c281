import { type ConfigSchema, oneOf } from "@denoise/core";

/** Options of an SD3Transformer2DModel, as they stand in config.json. */
export interface SD3TransformerConfig {
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
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
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Width of the text inside, which is that of a token. */
  readonly caption_projection_dim: number;
  /** Width of the pooled text. */
  readonly pooled_projection_dim: number;
  /** Channels of the result. */
  readonly out_channels: number;
  /** Tokens of a side of the table of positions. */
  readonly pos_embed_max_size: number;
  /** Blocks with a second attention among the image's tokens (3.5 medium). */
  readonly dual_attention_layers: readonly number[];
  /** Normalization of queries and keys; none when null (3.0). */
  readonly qk_norm: "rms_norm" | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<SD3TransformerConfig> = {
  sample_size: 128,
  patch_size: 2,
  in_channels: 16,
  num_layers: 18,
  attention_head_dim: 64,
  num_attention_heads: 18,
  joint_attention_dim: 4096,
  caption_projection_dim: 1152,
  pooled_projection_dim: 2048,
  out_channels: 16,
  pos_embed_max_size: 96,
  dual_attention_layers: [],
  qk_norm: oneOf(null, "rms_norm"),
};
