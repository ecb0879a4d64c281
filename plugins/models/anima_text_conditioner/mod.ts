/**
 * AnimaTextConditioner: turns what Qwen3 makes of a prompt into the states of a text that Anima's transformer was
 * trained with: the words by the ids of T5's tokenizer look at each other and at the states of Qwen3.
 *
 * @example
 * ```ts ignore
 * import { AnimaTextConditioner } from "@denoise/denoise";
 *
 * const conditioner = await AnimaTextConditioner.fromPretrained(
 *   "./anima",
 *   { subfolder: "text_conditioner" },
 * );
 * console.log(conditioner.config.num_layers);
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  float,
  type FrozenConfig,
  type Model,
  type ModelClass,
  Tensor,
} from "@denoise/core";
import { defineModel, float32, int64, optional } from "@denoise/onnx";
import { headNorm } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  embedding,
  gelu,
  layerNorm,
  linear,
  maskBias,
  mul,
  placesAlong,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  rotate,
  unsqueeze,
} from "@denoise/onnx/nn";

/** Options of an AnimaTextConditioner, as they stand in config.json. */
export interface AnimaTextConditionerConfig {
  /** Width of the states that are looked at. */
  readonly source_dim: number;
  /** Width of the states that are made. */
  readonly target_dim: number;
  /** Width inside. */
  readonly model_dim: number;
  /** Number of blocks. */
  readonly num_layers: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width inside a feed forward, in widths of a token. */
  readonly mlp_ratio: number;
  /** Number of words. */
  readonly target_vocab_size: number;
  /** Whether the words look at each other. */
  readonly use_self_attention: boolean;
  /** Whether blocks have layer normalizations, in place of those by the root of the mean square. */
  readonly use_layer_norm: boolean;
  /** Fewer tokens are filled up with zeros to so many. */
  readonly min_sequence_length: number;
}

const schema: ConfigSchema<AnimaTextConditionerConfig> = {
  source_dim: 1024,
  target_dim: 1024,
  model_dim: 1024,
  num_layers: 6,
  num_attention_heads: 16,
  mlp_ratio: float(4),
  target_vocab_size: 32128,
  use_self_attention: true,
  use_layer_norm: false,
  min_sequence_length: 512,
};

/** Which tokens count. */
export interface AnimaTextConditionerOptions {
  /** int64 [N, target tokens], 1 where a word counts; the states of others are 0. Defaults to all of them. */
  readonly targetAttentionMask?: Tensor | undefined;
  /** int64 [N, source tokens], 1 where a state counts. Defaults to all of them. */
  readonly sourceAttentionMask?: Tensor | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded AnimaTextConditioner. */
export interface AnimaTextConditioner extends Model<AnimaTextConditionerConfig> {
  /**
   * States of texts, float32 [N, tokens, target_dim], with zeros behind them up to `min_sequence_length`.
   *
   * @param sourceHiddenStates States of Qwen3, float32 [N, source tokens, source_dim].
   * @param targetInputIds Ids of T5's tokenizer, int64 [N, target tokens].
   */
  forward(
    sourceHiddenStates: Tensor,
    targetInputIds: Tensor,
    options?: AnimaTextConditionerOptions,
  ): Promise<Tensor>;
}

type Config = FrozenConfig<AnimaTextConditionerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** What makes the texts of Anima; `AnimaTextConditioner` of diffusers. */
export const AnimaTextConditioner: ModelClass<AnimaTextConditioner> = defineModel<
  AnimaTextConditionerConfig,
  AnimaTextConditioner
>({
  className: "AnimaTextConditioner",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        source_hidden_states: float32("batch", "source", config.source_dim),
        target_input_ids: int64("batch", "target"),
        target_attention_mask: optional(int64("batch", "target")),
        source_attention_mask: optional(int64("batch", "source")),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(sourceHiddenStates, targetInputIds, options = {}) {
      const { states } = await model.run("forward", {
        source_hidden_states: sourceHiddenStates,
        target_input_ids: targetInputIds,
        target_attention_mask: options.targetAttentionMask,
        source_attention_mask: options.sourceAttentionMask,
      }, { signal: options.signal });
      const [count, tokens, width] = states!.dims as [number, number, number];
      const missing = model.config.min_sequence_length - tokens;
      return missing <= 0
        ? states!
        : Tensor.cat([states!, Tensor.zeros([count, missing, width])], 1);
    },
  }),
});

/** No layer of an attention has a bias. */
const PLAIN = { bias: false } as const;

/** Tokens that are looked at. */
interface Seen {
  /** [N, tokens, D]. */
  readonly states: Value;
  readonly rotary: Rotary;
  /** int64 [N, tokens]. */
  readonly mask: Value | undefined;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { source_hidden_states, target_input_ids, target_attention_mask: mask } = inputs;
  const embedded = embedding(s.at("embed"), target_input_ids!);
  const isProjected = config.model_dim !== config.target_dim;
  let x = isProjected ? linear(s.at("in_proj"), embedded) : embedded; // [N, tokens, C]
  const own = { rotary: positions(s, target_input_ids!, config), mask };
  const source: Seen = {
    states: source_hidden_states!,
    rotary: positions(s, source_hidden_states!, config),
    mask: inputs["source_attention_mask"],
  };
  for (let i = 0; i < config.num_layers; i++) x = block(s.at("blocks", i), x, own, source, config);
  const states = rmsNorm(s.at("norm"), linear(s.at("out_proj"), x));
  return { states: mask === undefined ? states : masked(s, states, mask) };
}

/** Angles of the tokens of a row, which count from 0. */
function positions(s: Scope, row: Value, { model_dim, num_attention_heads }: Config): Rotary {
  const places = placesAlong(s, row, 1);
  const ids = s.cast(unsqueeze(s, places, [1]), "float32");
  return rotaryEmbedding(s, ids, { widths: [model_dim / num_attention_heads] });
}

/** Zeros where tokens do not count. */
function masked(s: Scope, states: Value, mask: Value): Value {
  return mul(s, states, unsqueeze(s, s.cast(mask), [2]));
}

/** `AnimaTextConditionerBlock`. */
function block(
  s: Scope,
  x: Value,
  own: Omit<Seen, "states">,
  source: Seen,
  config: Config,
): Value {
  const norm = (name: string, of: Value) =>
    config.use_layer_norm ? layerNorm(s.at(name), of) : rmsNorm(s.at(name), of);
  const { rotary } = own;
  const { num_attention_heads: heads } = config;
  let states = x;
  if (config.use_self_attention) {
    const normal = norm("norm_self_attn", states);
    const seen = { ...own, states: normal };
    states = add(s, states, attended(s.at("self_attn"), normal, seen, { rotary, heads }));
  }
  const normal = norm("norm_cross_attn", states);
  states = add(s, states, attended(s.at("cross_attn"), normal, source, { rotary, heads }));
  const hidden = gelu(s, linear(s.at("mlp.0"), norm("norm_mlp", states)));
  return add(s, states, linear(s.at("mlp.2"), hidden));
}

/** Attention of normalized, turned heads. Where nothing counts, nothing is seen, as in torch. */
function attended(
  s: Scope,
  x: Value,
  seen: Seen,
  { rotary, heads }: { readonly rotary: Rotary; readonly heads: number },
): Value {
  const turned = (name: string, norm: string, of: Value, by: Rotary) => {
    const normal = headNorm(s.at(norm), linear(s.at(name), of, PLAIN), { heads });
    return rotate(s, normal, by, { heads, pairs: "half-split" });
  };
  const value = linear(s.at("v_proj"), seen.states, PLAIN);
  const made = attention(s, {
    query: turned("q_proj", "q_norm", x, rotary),
    key: turned("k_proj", "k_norm", seen.states, seen.rotary),
    value: seen.mask === undefined ? value : masked(s, value, seen.mask),
  }, { heads, keyBias: seen.mask && maskBias(s, seen.mask) });
  return linear(s.at("o_proj"), made, PLAIN);
}
