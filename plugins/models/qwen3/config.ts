import {
  anything,
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  number,
} from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";
import { activationNames } from "@denoise/onnx/nn";

/** What `rope_parameters` and `rope_scaling` say of the positions. */
export interface RopeParameters {
  /** The longest wavelength is 2π times this. */
  readonly rope_theta?: number;
  /** Must be `"default"`. */
  readonly rope_type?: string;
  /** What `rope_type` was called before. */
  readonly type?: string;
}

/** Options of a Qwen3Model, as they stand in config.json. */
export interface Qwen3Config {
  /** Number of tokens. */
  readonly vocab_size: number;
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside a layer's feed-forward part. */
  readonly intermediate_size: number;
  /** Number of layers. */
  readonly num_hidden_layers: number;
  /** Attention heads of a layer. */
  readonly num_attention_heads: number;
  /** Heads of keys and values; null means as many as of queries. */
  readonly num_key_value_heads: number | null;
  /** Width of a head. */
  readonly head_dim: number;
  /** The activation of the feed-forward part's gate. */
  readonly hidden_act: string;
  /** Added to the mean square in each normalization. */
  readonly rms_norm_eps: number;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
  /** The longest wavelength of the positions is 2π times this, where `rope_parameters` does not say it. */
  readonly rope_theta: number;
  /** The positions as newer files describe them. */
  readonly rope_parameters: RopeParameters | null;
  /** Must be null or `"default"`: positions are not stretched. */
  readonly rope_scaling: RopeParameters | null;
  /** Must be false: every token sees all before it. */
  readonly use_sliding_window: boolean;
  /** Must name `"full_attention"` alone. */
  readonly layer_types: readonly string[] | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Qwen3Config> = {
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: maybe(number, 32),
  head_dim: 128,
  hidden_act: "silu",
  rms_norm_eps: float(1e-6),
  attention_bias: false,
  rope_theta: float(10000),
  rope_parameters: anything<RopeParameters | null>(null),
  rope_scaling: anything<RopeParameters | null>(null),
  use_sliding_window: false,
  layer_types: anything<readonly string[] | null>(null),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Qwen3Config>): void {
  const refuse = (option: keyof Qwen3Config, known: readonly unknown[]) =>
    unsupportedOption("Qwen3Model", option, config[option], known);
  if (!activationNames.includes(config.hidden_act)) throw refuse("hidden_act", activationNames);
  if (config.use_sliding_window) throw refuse("use_sliding_window", [false]);
  if (config.layer_types?.some((type) => type !== "full_attention")) {
    throw refuse("layer_types", [null, ["full_attention"]]);
  }
  for (const option of ["rope_parameters", "rope_scaling"] as const) {
    const { rope_type, type } = config[option] ?? {};
    if ((rope_type ?? type ?? "default") !== "default") {
      throw refuse(option, [null, { rope_type: "default" }]);
    }
  }
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  if (heads % (keyHeads ?? heads) !== 0) {
    throw new RangeError(
      `Cannot build Qwen3Model: num_attention_heads is ${heads}, which must be a multiple of ` +
        `num_key_value_heads, ${keyHeads}`,
    );
  }
}
