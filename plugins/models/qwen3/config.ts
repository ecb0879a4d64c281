import { type ConfigSchema, float, type FrozenConfig } from "@denoise/core";
import { checkLanguageModel, type LanguageModelConfig, languageModelOptions } from "@denoise/onnx";

/** Options of a Qwen3Model, as they stand in config.json. */
export interface Qwen3Config extends LanguageModelConfig {
  /** Width of a head. */
  readonly head_dim: number;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Qwen3Config> = {
  ...languageModelOptions,
  rms_norm_eps: float(1e-6),
  head_dim: 128,
  attention_bias: false,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Qwen3Config>): void {
  checkLanguageModel("Qwen3Model", config);
}
