import { type ConfigSchema, float, type FrozenConfig, maybe, number } from "@denoise/core";
import { checkLanguageModel, type LanguageModelConfig, languageModelOptions } from "@denoise/onnx";

/** Options of the language part of a Qwen2_5_VLForConditionalGeneration, as they stand in config.json. */
export interface Qwen2_5_VLConfig extends LanguageModelConfig {}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Qwen2_5_VLConfig> = {
  ...languageModelOptions,
  vocab_size: 152064,
  hidden_size: 8192,
  intermediate_size: 29568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: maybe(number, 8),
  rms_norm_eps: float(1e-5),
  rope_theta: float(1000000),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Qwen2_5_VLConfig>): void {
  checkLanguageModel("Qwen2_5_VLForConditionalGeneration", config, ["mrope"]);
}
