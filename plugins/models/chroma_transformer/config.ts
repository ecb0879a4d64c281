import { type ConfigSchema, maybe, number } from "@denoise/core";

/** Options of a ChromaTransformer2DModel, as they stand in config.json. */
export interface ChromaTransformerConfig {
  /** Pixels of a side that are one token; latents come packed, so 1. */
  readonly patch_size: number;
  /** Channels of a token: 4 times those of the latents. */
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
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
  /** Width of what the approximator is given for each modulation. */
  readonly approximator_num_channels: number;
  /** Width of the approximator inside. */
  readonly approximator_hidden_dim: number;
  /** Layers of the approximator. */
  readonly approximator_layers: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ChromaTransformerConfig> = {
  patch_size: 1,
  in_channels: 64,
  out_channels: maybe(number),
  num_layers: 19,
  num_single_layers: 38,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 4096,
  axes_dims_rope: [16, 56, 56],
  approximator_num_channels: 64,
  approximator_hidden_dim: 5120,
  approximator_layers: 5,
};
