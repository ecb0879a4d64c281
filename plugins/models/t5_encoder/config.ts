import { type ConfigSchema, float, type FrozenConfig } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";
import { activationNames } from "@denoise/onnx/nn";

/** Options of a T5EncoderModel, as they stand in config.json. */
export interface T5Config {
  /** Number of tokens. */
  readonly vocab_size: number;
  /** Width of the states. */
  readonly d_model: number;
  /** Width of an attention head's keys and values. */
  readonly d_kv: number;
  /** Width inside a layer's feed-forward part. */
  readonly d_ff: number;
  /** Number of layers. */
  readonly num_layers: number;
  /** Attention heads of a layer. */
  readonly num_heads: number;
  /** Classes that distances between tokens fall into. */
  readonly relative_attention_num_buckets: number;
  /** From this distance on all fall into one class. */
  readonly relative_attention_max_distance: number;
  /** Added to the mean square in each normalisation. */
  readonly layer_norm_epsilon: number;
  /** The feed-forward part: an activation such as `"relu"`, or `"gated-gelu"`. */
  readonly feed_forward_proj: string;
  /** Must be false: a decoder is another model. */
  readonly is_decoder: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<T5Config> = {
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_heads: 8,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: float(1e-6),
  feed_forward_proj: "relu",
  is_decoder: false,
};

/** The same of a UMT5EncoderModel. */
export const umt5Schema: ConfigSchema<T5Config> = {
  ...schema,
  vocab_size: 250112,
  d_ff: 1024,
  num_layers: 8,
  num_heads: 6,
  feed_forward_proj: "gated-gelu",
};

/** What `feed_forward_proj` says. */
export interface FeedForward {
  /** Whether a second linear layer is multiplied with the activation. */
  readonly gated: boolean;
  /** The activation by its name in transformers. */
  readonly activation: string;
}

/** Reads `feed_forward_proj`; `"gated-gelu"` means the approximation by tanh, `"gelu"` does not. */
export function feedForward(proj: string, className = "T5EncoderModel"): FeedForward {
  const parts = proj.split("-");
  const gated = parts.length === 2 && parts[0] === "gated";
  const activation = proj === "gated-gelu" ? "gelu_new" : parts.at(-1)!;
  if ((parts.length === 1 || gated) && activationNames.includes(activation)) {
    return { gated, activation };
  }
  const known = activationNames.flatMap((name) => [name, `gated-${name}`]);
  throw unsupportedOption(className, "feed_forward_proj", proj, known);
}

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<T5Config>, className = "T5EncoderModel"): void {
  feedForward(config.feed_forward_proj, className);
  if (config.is_decoder) throw unsupportedOption(className, "is_decoder", true, [false]);
  const { relative_attention_num_buckets: buckets, relative_attention_max_distance: distance } =
    config;
  if (!(Math.floor(buckets / 4) >= 1 && distance > Math.floor(buckets / 4))) {
    throw new RangeError(
      `Cannot build ${className}: relative_attention_num_buckets is ${buckets} and ` +
        `relative_attention_max_distance ${distance}; there must be 4 buckets at least, and the ` +
        `distance above a quarter of them`,
    );
  }
}
