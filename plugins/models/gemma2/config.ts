import { boolean, type ConfigSchema, float, type FrozenConfig, maybe, number } from "@denoise/core";
import {
  checkSlidingLanguageModel,
  type LanguageModelConfig,
  languageModelOptions,
} from "@denoise/onnx";

/** Options of a Gemma2Model, as they stand in config.json; `hidden_act` is its `hidden_activation`. */
export interface Gemma2Config extends LanguageModelConfig {
  /** Width of a head. */
  readonly head_dim: number;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
  /** Scores are divided by the root of this. */
  readonly query_pre_attn_scalar: number;
  /** How many tokens sliding layers attend to. */
  readonly sliding_window: number | null;
  /** Scores are bent to stay between this and its negative; null leaves them. */
  readonly attn_logit_softcapping: number | null;
  /** Must not be true: tokens attend to those before them. */
  readonly use_bidirectional_attention: boolean | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Gemma2Config> = {
  ...languageModelOptions,
  vocab_size: 256000,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: maybe(number, 4),
  hidden_act: "gelu_pytorch_tanh",
  rms_norm_eps: float(1e-6),
  head_dim: 256,
  attention_bias: false,
  query_pre_attn_scalar: 256,
  sliding_window: maybe(number, 4096),
  attn_logit_softcapping: maybe(float, 50),
  use_bidirectional_attention: maybe(boolean),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Gemma2Config>): void {
  checkSlidingLanguageModel("Gemma2Model", config);
}
