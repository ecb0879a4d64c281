import {
  boolean,
  type ConfigSchema,
  float,
  type FrozenConfig,
  type JsonObject,
  maybe,
  number,
} from "@denoise/core";
import {
  checkSlidingLanguageModel,
  type LanguageModelConfig,
  languageModelOptions,
  nestedConfig,
  type RopeParameters,
  slidingLayerTypes,
  unsupportedOption,
} from "@denoise/onnx";

/** Options of a Gemma3TextModel; `hidden_act` is `hidden_activation` of config.json. */
export interface Gemma3Config extends LanguageModelConfig {
  /** The positions of layers that do not slide; `rope_parameters.full_attention` of config.json. */
  readonly rope_parameters: RopeParameters | null;
  /**
   * The longest wavelength of sliding layers is 2π times this; `rope_parameters.sliding_attention.rope_theta` of newer
   * files.
   */
  readonly rope_local_base_freq: number;
  /** Width of a head. */
  readonly head_dim: number;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
  /** Scores are divided by the root of this. */
  readonly query_pre_attn_scalar: number;
  /** How many tokens sliding layers attend to. */
  readonly sliding_window: number | null;
  /** Of every so many layers the last one attends to all tokens, where `layer_types` does not say it. */
  readonly sliding_window_pattern: number;
  /** Must not be true: tokens attend to those before them. */
  readonly use_bidirectional_attention: boolean | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Gemma3Config> = {
  ...languageModelOptions,
  vocab_size: 262208,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: maybe(number, 4),
  hidden_act: "gelu_pytorch_tanh",
  rms_norm_eps: float(1e-6),
  rope_theta: float(1e6),
  rope_local_base_freq: float(10000),
  head_dim: 256,
  attention_bias: false,
  query_pre_attn_scalar: 256,
  sliding_window: maybe(number, 4096),
  sliding_window_pattern: 6,
  use_bidirectional_attention: maybe(boolean),
};

/**
 * The options of a config.json, old or new, flat or with a `text_config`.
 *
 * @throws {DenoiseError} `unsupported_option` for positions that cannot be built.
 */
export function adapt(className: string, config: JsonObject): JsonObject {
  const flat = { ...config, ...nestedConfig(config, "text_config") };
  const ropes = (flat["rope_parameters"] ?? {}) as JsonObject;
  const local = (ropes["sliding_attention"] ?? {}) as JsonObject;
  const isPlain = ["default", undefined, null].includes(
    (local["rope_type"] ?? local["type"]) as string,
  );
  if (!isPlain || !Object.keys(ropes).every((kind) => slidingLayerTypes.includes(kind))) {
    const plain = { rope_type: "default", rope_theta: 10000 };
    throw unsupportedOption(className, "rope_parameters", ropes, [
      null,
      { sliding_attention: plain, full_attention: { ...plain, rope_theta: 1e6 } },
    ]);
  }
  const localTheta = local["rope_theta"] ?? flat["rope_local_base_freq"];
  return {
    ...flat,
    hidden_act: flat["hidden_activation"] ?? "gelu_pytorch_tanh",
    rope_parameters: ropes["full_attention"] ?? null,
    ...(localTheta === undefined ? {} : { rope_local_base_freq: localTheta }),
  };
}

/** Whether a layer slides. */
export function slides(
  { layer_types, sliding_window_pattern }: FrozenConfig<Gemma3Config>,
  layer: number,
): boolean {
  return layer_types === null
    ? (layer + 1) % sliding_window_pattern !== 0
    : layer_types[layer] === "sliding_attention";
}

/** Refuses what cannot be built, before any weights are looked at. */
export function check(className: string, config: FrozenConfig<Gemma3Config>): void {
  checkSlidingLanguageModel(className, config, ["linear"]);
}
