import type { FrozenConfig } from "@denoise/core";
import type { Scope, Value } from "../graph/mod.ts";
import { type LanguageModelConfig, ropeStretch } from "../language_model.ts";
import {
  add,
  attention,
  causalBias,
  div,
  embedding,
  expand,
  hiddenScore,
  linear,
  maskBias,
  mul,
  placesAlong,
  reshape,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  type RotaryStretch,
  rotate,
  sharedRotary,
  split,
  squeeze,
  unsqueeze,
  where,
  windowBias,
} from "../nn/mod.ts";
import { gatedFeedForward } from "./feed_forward.ts";
import { projectHeads } from "./joint_attention.ts";

/** What Gemma's layers do otherwise (Gemma 2: arXiv:2408.00118). */
export interface GemmaOptions {
  /** What embeddings are multiplied with. */
  readonly embeddingScale: number;
  /** What scores are multiplied with. */
  readonly scoreScale: number;
  /** Scores are bent to stay between this and its negative; null leaves them. */
  readonly softCap: number | null;
}

/** What the options of language models say of their layers, whatever class they are. */
export function decoderOptionsOf(
  config: FrozenConfig<LanguageModelConfig>,
): Pick<
  DecoderOptions,
  "layers" | "heads" | "keyHeads" | "theta" | "stretch" | "growth" | "eps" | "activation"
> {
  const { num_attention_heads: heads, rope_parameters } = config;
  const { llama_4_scaling_beta: rate, original_max_position_embeddings: span } = rope_parameters ??
    {};
  return {
    layers: config.num_hidden_layers,
    heads,
    keyHeads: config.num_key_value_heads ?? heads,
    theta: rope_parameters?.rope_theta ?? config.rope_theta,
    stretch: ropeStretch(config),
    growth: rate && span ? { rate, span } : undefined,
    eps: config.rms_norm_eps,
    activation: config.hidden_act,
  };
}

/** Options of {@linkcode decoderStates}. */
export interface DecoderOptions {
  /** Number of layers. */
  readonly layers: number;
  /** Heads of the queries. */
  readonly heads: number;
  /** Heads of keys and values, each of which `heads / keyHeads` queries look at (arXiv:2305.13245). */
  readonly keyHeads: number;
  /** Width of a head. */
  readonly headWidth: number;
  /** The longest wavelength of the positions is 2π times this. */
  readonly theta: number;
  /** How positions are stretched; not at all by default. */
  readonly stretch?: RotaryStretch | undefined;
  /** The longest wavelength of a layer, not stretched, where it is not the one of all. */
  readonly ownTheta?: ((layer: number) => number | undefined) | undefined;
  /** How queries grow with their positions; not at all by default. */
  readonly growth?: QueryGrowth | undefined;
  /** Added to the mean square in each normalization. */
  readonly eps: number;
  /** The activation of the feed forward's gate, by its name in transformers. */
  readonly activation: string;
  /** Whether the projections of queries, keys and values have biases. */
  readonly bias: boolean;
  /** Whether the projection of what attention gives has one. */
  readonly outBias: boolean;
  /** Whether queries and keys are normalized, each head by itself. */
  readonly normalized: boolean;
  /**
   * For Gemma's layers: normalizations multiply with 1 + weight, and there are some after attention and
   * feed forward too.
   */
  readonly gemma?: GemmaOptions | undefined;
  /** How many tokens a layer's tokens attend to, themselves included. Defaults to all before them. */
  readonly window?: ((layer: number) => number | undefined) | undefined;
  /** Where the tokens are, when that is not their place in the row. */
  readonly places?: DecoderPlaces | undefined;
  /** States that take the place of a token's. */
  readonly given?: GivenStates | undefined;
}

/** Queries are multiplied with 1 + rate·log(1 + ⌊position / span⌋), as in Llama 4. */
export interface QueryGrowth {
  /** How fast. */
  readonly rate: number;
  /** Positions of a step. */
  readonly span: number;
}

/** Coordinates of the tokens of a row. */
export interface DecoderPlaces {
  /** float32 [tokens, axes]. */
  readonly ids: Value;
  /** How many axes there are. */
  readonly count: number;
  /** Which one turns each pair of a head's channels. */
  readonly axes: readonly number[];
}

/** States of images among those of a text. */
export interface GivenStates {
  /** The token in whose place they stand. */
  readonly token: number;
  /** [N, tokens, C]; those of other tokens are not read. */
  readonly states: Value;
  /**
   * What is added to the states after each of the first layers, zeros for other tokens (DeepStack:
   * arXiv:2406.04334): [layers, N, tokens, C].
   */
  readonly deep?: Value | undefined;
  /** Of how many layers `deep` is. Defaults to 0. */
  readonly deepLayers?: number | undefined;
}

/**
 * The states of a decoder language model (Llama: arXiv:2302.13971): what the first layer gets, what each layer
 * gives (the last one with what is added to it), and that after the final norm. Tokens see themselves and those before them;
 * positions count from 0 in each row, padding included.
 *
 * States between layers are float32 whatever type the graph computes in, as float16 cannot hold them.
 *
 * @param ids int64 [N, tokens].
 * @param mask int64 [N, tokens], 1 where a token may be attended to.
 * @returns layers + 2 values [N, tokens, C].
 */
export function decoderStates(
  s: Scope,
  ids: Value,
  mask: Value | undefined,
  options: DecoderOptions,
): Value[] {
  const { layers, headWidth, gemma, places: own, given } = options;
  const places = placesAlong(s, ids, 1); // [tokens]
  const positions = s.cast(unsqueeze(s, places, [1]), "float32");
  const rotaryOf = (theta: number, stretch?: RotaryStretch) =>
    own === undefined
      ? rotaryEmbedding(s, positions, { widths: [headWidth], theta, stretch })
      : sharedRotary(s, own.ids, {
        width: headWidth,
        theta,
        stretch,
        count: own.count,
        axes: own.axes,
      });
  const rotaries = new Map<number | undefined, Rotary>();
  const rotaryAt = (layer: number) => {
    const theta = options.ownTheta?.(layer);
    const found = rotaries.get(theta) ??
      (theta === undefined ? rotaryOf(options.theta, options.stretch) : rotaryOf(theta));
    rotaries.set(theta, found);
    return found;
  };
  const growth = options.growth && queryGrowth(s, own?.ids ?? positions, options.growth);
  // one value for all that is masked: a token that attends to none attends to all alike, as Gemma's does in transformers
  const hidden = hiddenScore(s);
  const causal = causalBias(s, ids, hidden);
  // the lower of the two: their sum would leave float16
  const lower = (bias: Value, other?: Value) =>
    other === undefined ? bias : s.op("Min", [bias, other]);
  const all = lower(causal, mask && maskBias(s, mask, hidden));

  const blind = new Map<Value, Value>();
  const blindOf = (bias: Value) => {
    const found = blind.get(bias) ?? blindTokens(s, bias, hidden);
    blind.set(bias, found);
    return found;
  };
  const embedded = s.cast(embedding(s.at("embed_tokens"), ids), "float32");
  let x = gemma === undefined ? embedded : mul(s, embedded, gemma.embeddingScale); // [N, tokens, C]
  if (given !== undefined) {
    const stands = s.op("Equal", [ids, s.scalar(given.token, "int64")]); // [N, tokens]
    x = where(s, unsqueeze(s, stands, [2]), s.cast(given.states, "float32"), x);
  }
  const deep = given?.deep && split(s, given.deep, Array(given.deepLayers).fill(1), 0);
  const states: Value[] = [x];
  for (let i = 0; i < layers; i++) {
    const window = options.window?.(i);
    const bias = lower(all, window === undefined ? undefined : windowBias(s, ids, window, hidden));
    // of other models such a token, one that fills a row up on the left, is given nothing
    const isBlind = mask === undefined || gemma !== undefined ? undefined : blindOf(bias);
    const facts = { bias, isBlind, rotary: rotaryAt(i), growth, options };
    const made = decoderLayer(s.at("layers", i), x, facts);
    const more = deep?.[i];
    x = more === undefined ? made : add(s, made, s.cast(squeeze(s, more, [0]), "float32"));
    states.push(i === layers - 1 ? x : made);
  }
  return [...states, norm(s.at("norm"), x, options)];
}

/** RMS normalization as the model's layers have it. */
function norm(s: Scope, x: Value, { eps, gemma }: DecoderOptions): Value {
  return rmsNorm(s, x, { eps, plusOne: gemma !== undefined });
}

/** Which tokens attend to none, [N, tokens, 1]. */
function blindTokens(s: Scope, bias: Value, hidden: number): Value {
  const scores = s.cast(bias, "float32"); // [N, 1, tokens, keys]
  const highest = s.op("ReduceMax", [scores, s.ints([1, 3])], { keepdims: 0 }); // [N, tokens]
  return unsqueeze(s, s.op("Less", [highest, s.scalar(hidden / 2, "float32")]), [2]);
}

/** What queries are multiplied with, [tokens, 1]. */
function queryGrowth(s: Scope, positions: Value, { rate, span }: QueryGrowth): Value {
  const steps = s.op("Floor", [div(s, positions, s.scalar(span, "float32"))]);
  return s.cast(add(s, mul(s, s.op("Log", [add(s, steps, 1)]), rate), 1));
}

/** What all layers are given. */
interface LayerFacts {
  readonly bias: Value;
  readonly isBlind: Value | undefined;
  readonly rotary: Rotary;
  readonly growth: Value | undefined;
  readonly options: DecoderOptions;
}

/** Attention and gated feed forward, each after a normalization and added in float32. */
function decoderLayer(s: Scope, x: Value, facts: LayerFacts): Value {
  const { options } = facts;
  const sandwiched = options.gemma !== undefined;
  const after = (name: string, made: Value) =>
    s.cast(sandwiched ? norm(s.at(name), made, options) : made, "float32");
  const attended = selfAttention(
    s.at("self_attn"),
    norm(s.at("input_layernorm"), x, options),
    facts,
  );
  const seen = add(s, x, after("post_attention_layernorm", attended));
  const before = sandwiched ? "pre_feedforward_layernorm" : "post_attention_layernorm";
  const fed = gatedFeedForward(s.at("mlp"), norm(s.at(before), seen, options), {
    names: ["gate_proj", "up_proj", "down_proj"],
    activation: options.activation,
  });
  return add(s, seen, after("post_feedforward_layernorm", fed));
}

/** Attention of heads that share keys and values in groups. */
function selfAttention(s: Scope, x: Value, facts: LayerFacts): Value {
  const { bias, isBlind, rotary, growth, options } = facts;
  const { heads, keyHeads, headWidth, eps, normalized, gemma } = options;
  const { query, key, value } = projectHeads(s, x, {
    heads,
    keyHeads,
    names: ["q_proj", "k_proj", "v_proj"],
    bias: options.bias,
    norms: normalized ? ["q_norm", "k_norm"] : null,
    eps,
    plusOne: gemma !== undefined,
  });
  const shared = (of: Value) =>
    repeatHeads(s, of, { keyHeads, headWidth, times: heads / keyHeads });
  const turned = rotate(s, query, rotary, { heads, pairs: "half-split" });
  const seen = attention(s, {
    query: growth === undefined ? turned : mul(s, turned, growth),
    key: shared(rotate(s, key, rotary, { heads: keyHeads, pairs: "half-split" })),
    value: shared(value),
  }, { heads, bias, scale: gemma?.scoreScale, softCap: gemma?.softCap ?? undefined });
  const kept = isBlind === undefined ? seen : where(s, isBlind, s.scalar(0), seen);
  return linear(s.at("o_proj"), kept, { bias: options.outBias });
}

/** Each head `times` times in a row, of [N, tokens, keyHeads·headWidth] (`repeat_kv`). */
export function repeatHeads(
  s: Scope,
  x: Value,
  { keyHeads, headWidth, times }: {
    readonly keyHeads: number;
    readonly headWidth: number;
    readonly times: number;
  },
): Value {
  if (times === 1) return x;
  const split = reshape(s, x, [0, 0, keyHeads, 1, headWidth]);
  const repeated = expand(s, split, s.ints([1, 1, 1, times, 1]));
  return reshape(s, repeated, [0, 0, keyHeads * times * headWidth]);
}
