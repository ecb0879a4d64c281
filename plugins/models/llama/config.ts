import {
  type ConfigSchema,
  float,
  type FrozenConfig,
  type JsonObject,
  maybe,
  number,
} from "@denoise/core";
import {
  checkLanguageModel,
  type LanguageModelConfig,
  languageModelOptions,
  unsupportedOption,
} from "@denoise/onnx";

/** Options of a LlamaModel, as they stand in config.json. */
export interface LlamaConfig extends LanguageModelConfig {
  /** Width of a head; null is `hidden_size / num_attention_heads`. */
  readonly head_dim: number | null;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
  /** Must be false: those of the feed forward have none. */
  readonly mlp_bias: boolean;
  /** How many tokens each attends to, itself included; null is all before it. */
  readonly sliding_window: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<LlamaConfig> = {
  ...languageModelOptions,
  vocab_size: 32000,
  intermediate_size: 11008,
  num_key_value_heads: maybe(number),
  head_dim: maybe(number),
  attention_bias: false,
  mlp_bias: false,
  sliding_window: maybe(number),
};

/** Those of a Mistral3ForConditionalGeneration, whose text part stands under `text_config`. */
export const mistral3: ConfigSchema<LlamaConfig> = {
  ...schema,
  vocab_size: 131072,
  hidden_size: 5120,
  intermediate_size: 32768,
  num_hidden_layers: 40,
  num_key_value_heads: maybe(number, 8),
  head_dim: maybe(number, 128),
  rms_norm_eps: float(1e-5),
  rope_theta: float(1e9),
};

/** What stands there for a text part of the kind `"ministral3"`, where its config does not say it. */
export const ministral3: JsonObject = {
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 34,
  rope_parameters: {
    rope_type: "yarn",
    rope_theta: 1e6,
    factor: 16,
    original_max_position_embeddings: 16384,
    beta_fast: 32,
    beta_slow: 1,
    mscale: 1,
    mscale_all_dim: 1,
    llama_4_scaling_beta: 0.1,
  },
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(className: string, config: FrozenConfig<LlamaConfig>): void {
  checkLanguageModel(className, config, ["yarn"]);
  if (config.mlp_bias) throw unsupportedOption(className, "mlp_bias", true, [false]);
}
