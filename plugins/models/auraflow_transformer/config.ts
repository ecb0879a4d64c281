import { type ConfigSchema, maybe, number } from "@denoise/core";

/** Options of an AuraFlowTransformer2DModel, as they stand in config.json. */
export interface AuraFlowTransformerConfig {
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Blocks in which text and image have weights of their own. */
  readonly num_mmdit_layers: number;
  /** Blocks on both as one row, after those. */
  readonly num_single_dit_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Width of the text inside, which is that of a token. */
  readonly caption_projection_dim: number;
  /** Channels of the result; null means as many as of the latents. */
  readonly out_channels: number | null;
  /** Tokens of the largest square image. */
  readonly pos_embed_max_size: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AuraFlowTransformerConfig> = {
  sample_size: 64,
  patch_size: 2,
  in_channels: 4,
  num_mmdit_layers: 4,
  num_single_dit_layers: 32,
  attention_head_dim: 256,
  num_attention_heads: 12,
  joint_attention_dim: 2048,
  caption_projection_dim: 3072,
  out_channels: maybe(number, 4),
  pos_embed_max_size: 1024,
};
