import { type ConfigSchema, float, type FrozenConfig, maybe, number } from "@denoise/core";
import { checkKnown } from "@denoise/onnx";

/** Options of a ChatGLMModel, as they stand in config.json. */
export interface ChatGLMConfig {
  /** Number of layers. */
  readonly num_layers: number;
  /** Number of tokens, those that fill the table up among them. */
  readonly padded_vocab_size: number;
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside a layer's feed-forward part. */
  readonly ffn_hidden_size: number;
  /** Width of a head, of which the first half is turned by the positions; a multiple of 4. */
  readonly kv_channels: number;
  /** Attention heads of a layer. */
  readonly num_attention_heads: number;
  /** How many positions there are. */
  readonly seq_length: number;
  /** Added to the mean square, or the variance, in each normalization. */
  readonly layernorm_epsilon: number;
  /** Whether states are normalized by their root mean square, or by mean and variance. */
  readonly rmsnorm: boolean;
  /** Whether normalized states are added to what a layer makes of them, or those before. */
  readonly apply_residual_connection_post_layernorm: boolean;
  /** Whether the last states are normalized. */
  readonly post_layer_norm: boolean;
  /** Whether linear layers have biases. */
  readonly add_bias_linear: boolean;
  /** Whether the projection of queries, keys and values has one. */
  readonly add_qkv_bias: boolean;
  /** Whether queries share keys and values in groups. */
  readonly multi_query_attention: boolean;
  /** How many such groups there are. */
  readonly multi_query_group_num: number;
  /** Must be 0: weights are stored as numbers. */
  readonly quantization_bit: number;
  /** Must be null: no learned keys and values stand before a text. */
  readonly pre_seq_len: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ChatGLMConfig> = {
  num_layers: 28,
  padded_vocab_size: 65024,
  hidden_size: 4096,
  ffn_hidden_size: 13696,
  kv_channels: 128,
  num_attention_heads: 32,
  seq_length: 2048,
  layernorm_epsilon: float(1e-5),
  rmsnorm: true,
  apply_residual_connection_post_layernorm: false,
  post_layer_norm: true,
  add_bias_linear: false,
  add_qkv_bias: false,
  multi_query_attention: false,
  multi_query_group_num: 1,
  quantization_bit: 0,
  pre_seq_len: maybe(number),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<ChatGLMConfig>): void {
  checkKnown("ChatGLMModel", config, { quantization_bit: [0], pre_seq_len: [null] });
  const { kv_channels, num_attention_heads: heads, multi_query_group_num: groups } = config;
  if (kv_channels % 4 !== 0) {
    throw new RangeError(
      `Cannot build ChatGLMModel: kv_channels is ${kv_channels}, which must be a multiple of 4`,
    );
  }
  if (config.multi_query_attention && heads % groups !== 0) {
    throw new RangeError(
      `Cannot build ChatGLMModel: num_attention_heads is ${heads}, which must be a multiple of ` +
        `multi_query_group_num, ${groups}`,
    );
  }
}
