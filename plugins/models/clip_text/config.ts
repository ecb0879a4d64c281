import { type ConfigSchema, either, float, maybe, number, numbers } from "@denoise/core";

/** Options of a CLIPTextModel, as they stand in config.json. */
export interface CLIPTextConfig {
  /** Number of tokens. */
  readonly vocab_size: number;
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside a layer's feed-forward part. */
  readonly intermediate_size: number;
  /** Width of the projected state. */
  readonly projection_dim: number | null;
  /** Number of layers. */
  readonly num_hidden_layers: number;
  /** Attention heads of a layer. */
  readonly num_attention_heads: number;
  /** The longest row of tokens. */
  readonly max_position_embeddings: number;
  /** `"quick_gelu"` in Stable Diffusion 1.x, `"gelu"` in 2.x. */
  readonly hidden_act: string;
  /** Added to the variance in each normalisation. */
  readonly layer_norm_eps: number;
  /** Which token's state is the pooled one; 2 means the token with the highest id. */
  readonly eos_token_id: number | readonly number[] | null;
  /** The token that begins a row. */
  readonly bos_token_id: number | null;
  /** The token that fills a row. */
  readonly pad_token_id: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<CLIPTextConfig> = {
  vocab_size: 49408,
  hidden_size: 512,
  intermediate_size: 2048,
  projection_dim: maybe(number, 512),
  num_hidden_layers: 12,
  num_attention_heads: 8,
  max_position_embeddings: 77,
  hidden_act: "quick_gelu",
  layer_norm_eps: float(1e-5),
  eos_token_id: maybe(either(number, numbers), 49407),
  bos_token_id: maybe(number, 49406),
  pad_token_id: maybe(number, 1),
};
