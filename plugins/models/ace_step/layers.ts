import {
  anything,
  boolean,
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  number,
} from "@denoise/core";
import { gatedFeedForward, headNorm, repeatHeads } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  type AttentionOptions,
  hiddenScore,
  linear,
  maskBias,
  placesAlong,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  rotate,
  transpose,
  unsqueeze,
  windowBias,
} from "@denoise/onnx/nn";

/** What the configs of all transformers of ACE-Step say of their layers. */
export interface AceStepLayersConfig {
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside a layer's feed forward. */
  readonly intermediate_size: number;
  /** Heads of the queries. */
  readonly num_attention_heads: number;
  /** Heads of keys and values, each of which several queries look at. */
  readonly num_key_value_heads: number;
  /** Width of a head. */
  readonly head_dim: number;
  /** The longest wavelength of the positions is 2π times this. */
  readonly rope_theta: number;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
  /** Dropout of attention, which only training has. */
  readonly attention_dropout: number;
  /** Added to the mean square in each normalization. */
  readonly rms_norm_eps: number;
  /** How far a token of a layer of `"sliding_attention"` looks to each side; null for all. */
  readonly sliding_window: number | null;
  /** For each layer `"sliding_attention"` or `"full_attention"`; null for both in turn. */
  readonly layer_types: readonly string[] | null;
}

/** The options with the reference's defaults. */
export const layersOptions: ConfigSchema<AceStepLayersConfig> = {
  hidden_size: 2048,
  intermediate_size: 6144,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  rope_theta: float(1000000),
  attention_bias: boolean(false),
  attention_dropout: float(0),
  rms_norm_eps: float(1e-6),
  sliding_window: maybe(number, 128),
  layer_types: anything<readonly string[] | null>(null),
};

type Config = FrozenConfig<AceStepLayersConfig>;

/** Refuses layers that cannot be built, before any weights are looked at. */
export function checkLayers(className: string, config: Config, layers: number): void {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, layer_types } = config;
  if (heads % keyHeads !== 0) {
    throw new RangeError(
      `Cannot build ${className}: num_attention_heads is ${heads}, which must be a multiple of ` +
        `num_key_value_heads, ${keyHeads}`,
    );
  }
  if (layer_types === null || layer_types.length >= layers) return;
  throw new RangeError(
    `Cannot build ${className}: layer_types names ${layer_types.length} layers of ${layers}`,
  );
}

/** Whether a layer's tokens look at those near them alone. */
function isNear(layer: number, types: readonly string[] | null): boolean {
  return types === null ? layer % 2 === 0 : types[layer] === "sliding_attention";
}

/** What is added to scores. */
export type Masks = Pick<AttentionOptions, "bias" | "keyBias">;

/** What the layers of a row of tokens are given. */
export interface RowFacts {
  /** Where its tokens are. */
  readonly rotary: Rotary;
  /** What masks the tokens that a layer's do not look at. */
  maskOf(layer: number): Masks;
}

/**
 * Positions of a row of tokens, and what each layer masks of it.
 *
 * @param x [N, tokens, C].
 * @param mask int64 [N, tokens], 1 where a token counts. Defaults to all of them.
 * @param types Of the layers. Defaults to those of the config.
 */
export function rowFacts(
  s: Scope,
  x: Value,
  config: Config,
  { mask, types = config.layer_types }: {
    readonly mask?: Value | undefined;
    readonly types?: readonly string[] | null | undefined;
  } = {},
): RowFacts {
  const { head_dim, rope_theta: theta, sliding_window: window } = config;
  const places = placesAlong(s, x, 1); // [tokens]
  const positions = s.cast(unsqueeze(s, places, [1]), "float32");
  const keyBias = mask && maskBias(s, mask);
  const band = window === null ? undefined : bandBias(s, x, window);
  // the lower of the two: a token that sees none looks at all alike, as in the reference
  const bias = band && keyBias && s.op("Min", [band, keyBias]);
  const near = band === undefined ? { keyBias } : { bias: bias ?? band };
  return {
    rotary: rotaryEmbedding(s, positions, { widths: [head_dim], theta }),
    maskOf: (layer) => isNear(layer, types) ? near : { keyBias },
  };
}

/** Masks tokens that are more than `window` places apart, [1, 1, tokens, tokens] (`_create_4d_mask`). */
function bandBias(s: Scope, x: Value, window: number): Value {
  const before = windowBias(s, x, window + 1, hiddenScore(s));
  return add(s, before, transpose(s, before, [0, 1, 3, 2]));
}

/** Options of {@linkcode attend}. */
export interface AttendOptions {
  /** Width and number of heads. */
  readonly config: Config;
  /** Where the tokens are; none where they look at other states. */
  readonly rotary?: Rotary | undefined;
  /** What is looked at. Defaults to the tokens themselves. */
  readonly states?: Value | undefined;
  /** Added to the scores before the softmax. */
  readonly masks?: Masks | undefined;
}

/** Attention of heads that share keys and values in groups, queries and keys normalized (`AceStepAttention`). */
export function attend(
  s: Scope,
  x: Value,
  { config, rotary, states = x, masks }: AttendOptions,
): Value {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, head_dim } = config;
  const { attention_bias: bias, rms_norm_eps: eps } = config;
  const project = (name: string, of: Value) => linear(s.at(name), of, { bias });
  const normal = (name: string, of: Value, count: number) => {
    const even = headNorm(s.at(name), of, { heads: count, eps });
    return rotary === undefined
      ? even
      : rotate(s, even, rotary, { heads: count, pairs: "half-split" });
  };
  const shared = { keyHeads, headWidth: head_dim, times: heads / keyHeads };
  const seen = attention(s, {
    query: normal("norm_q", project("to_q", x), heads),
    key: repeatHeads(s, normal("norm_k", project("to_k", states), keyHeads), shared),
    value: repeatHeads(s, project("to_v", states), shared),
  }, { heads, ...masks });
  return project("to_out.0", seen);
}

/** Two layers that gate one another, and one on their product (`AceStepMLP`). */
export function feed(s: Scope, x: Value): Value {
  return gatedFeedForward(s, x, { names: ["gate_proj", "up_proj", "down_proj"] });
}

/** Layers on a row of tokens, then a normalization (`AceStepEncoderLayer`). */
export function encoderLayers(
  s: Scope,
  x: Value,
  { config, layers, facts }: {
    readonly config: Config;
    readonly layers: number;
    readonly facts: RowFacts;
  },
): Value {
  const eps = config.rms_norm_eps;
  for (let i = 0; i < layers; i++) {
    const layer = s.at("layers", i);
    const normal = rmsNorm(layer.at("input_layernorm"), x, { eps });
    const options = { config, rotary: facts.rotary, masks: facts.maskOf(i) };
    const seen = add(s, x, attend(layer.at("self_attn"), normal, options));
    const fed = feed(layer.at("mlp"), rmsNorm(layer.at("post_attention_layernorm"), seen, { eps }));
    x = add(s, seen, fed);
  }
  return rmsNorm(s.at("norm"), x, { eps });
}
