import { type ConfigSchema, float } from "@denoise/core";

/** Options of a UVit2DModel, as they stand in config.json. */
export interface UVit2DConfig {
  /** Width of a token, and of the text's states inside. */
  readonly hidden_size: number;
  /** Whether layers have biases. */
  readonly use_bias: boolean;
  /** Used in training alone. */
  readonly hidden_dropout: number;
  /** Width of the pooled text. */
  readonly cond_embed_dim: number;
  /** Sines and cosines of each number of the micro conditioning. */
  readonly micro_cond_encode_dim: number;
  /** Those of all its numbers together. */
  readonly micro_cond_embed_dim: number;
  /** Width of the text's states. */
  readonly encoder_hidden_size: number;
  /** How many ids of tokens there are, the mask's among them. */
  readonly vocab_size: number;
  /** How many ids there are scores for. */
  readonly codebook_size: number;
  /** Width of the embedding of an id, and of the layer before the scores. */
  readonly in_channels: number;
  /** Channels of the blocks on the image. */
  readonly block_out_channels: number;
  /** How many residual blocks, each with its attentions, stand on either side. */
  readonly num_res_blocks: number;
  /** Whether the first block halves the sides. */
  readonly downsample: boolean;
  /** Whether the last block doubles them. */
  readonly upsample: boolean;
  /** Attention heads of the blocks on the image. */
  readonly block_num_heads: number;
  /** How many transformer layers stand between. */
  readonly num_hidden_layers: number;
  /** Their attention heads. */
  readonly num_attention_heads: number;
  /** Used in training alone. */
  readonly attention_dropout: number;
  /** Width inside their feed forwards. */
  readonly intermediate_size: number;
  /** Added to the mean square, or the variance, in each normalization. */
  readonly layer_norm_eps: number;
  /** Whether normalizations scale. */
  readonly ln_elementwise_affine: boolean;
  /** Tokens of a side of what it was trained for. */
  readonly sample_size: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<UVit2DConfig> = {
  hidden_size: 1024,
  use_bias: false,
  hidden_dropout: float(0),
  cond_embed_dim: 768,
  micro_cond_encode_dim: 256,
  micro_cond_embed_dim: 1280,
  encoder_hidden_size: 768,
  vocab_size: 8256,
  codebook_size: 8192,
  in_channels: 768,
  block_out_channels: 768,
  num_res_blocks: 3,
  downsample: false,
  upsample: false,
  block_num_heads: 12,
  num_hidden_layers: 22,
  num_attention_heads: 16,
  attention_dropout: float(0),
  intermediate_size: 2816,
  layer_norm_eps: float(1e-6),
  ln_elementwise_affine: true,
  sample_size: 64,
};

/**
 * Refuses what cannot be built, before any weights are looked at.
 *
 * @throws {RangeError} for widths of the micro conditioning that do not divide.
 */
export function check(
  { micro_cond_embed_dim: all, micro_cond_encode_dim: each }: UVit2DConfig,
): void {
  if (all % each === 0) return;
  throw new RangeError(
    `Cannot build UVit2DModel: micro_cond_embed_dim is ${all}, but must be a multiple of ` +
      `micro_cond_encode_dim, ${each}`,
  );
}

/** How many numbers the micro conditioning has. */
export function microConds(config: UVit2DConfig): number {
  return config.micro_cond_embed_dim / config.micro_cond_encode_dim;
}
