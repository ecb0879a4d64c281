import type { Scope, Value } from "../graph/mod.ts";
import {
  activation,
  add,
  attention,
  embedding,
  layerNorm,
  linear,
  maskBias,
  mul,
  slice,
} from "../nn/mod.ts";

/** What RoBERTa's config says of its layers. */
export interface RobertaConfig {
  /** How many layers. */
  readonly num_hidden_layers: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Activation of the feed-forward layers. */
  readonly hidden_act: string;
  /** Added to variances. */
  readonly layer_norm_eps: number;
  /** The token that fills rows up. */
  readonly pad_token_id: number;
}

/**
 * RoBERTa without what is pooled: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach"
 * (arXiv:1907.11692).
 *
 * @param ids int64 [N, tokens].
 * @param mask int64 [N, tokens], 1 where a token counts.
 * @returns The states before each layer and the last ones, [N, tokens, width] each.
 */
export function robertaEncoder(
  s: Scope,
  config: RobertaConfig,
  ids: Value,
  mask: Value | undefined,
): Value[] {
  const keyBias = mask && maskBias(s, mask);
  const states = [embed(s.at("embeddings"), ids, config)];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    states.push(layer(s.at("encoder.layer", i), states.at(-1)!, keyBias, config));
  }
  return states;
}

/** Tokens, their places, and the one kind that they are of: normalized together (`RobertaEmbeddings`). */
function embed(
  s: Scope,
  ids: Value,
  { pad_token_id: pad, layer_norm_eps: eps }: RobertaConfig,
): Value {
  const counts = s.cast(
    s.op("Not", [s.op("Equal", [ids, s.scalar(pad, "int64")], {}, { dtype: "bool" })]),
    "int64",
  );
  // tokens are counted from 1, padding not at all: places begin behind that of padding
  const places = s.op("CumSum", [counts, s.scalar(1, "int64")]);
  const positions = add(s, mul(s, places, counts), s.scalar(pad, "int64"));
  const kind = slice(s, s.at("token_type_embeddings").tensor("weight"), 0, 0, 1); // [1, width]
  const sum = add(s, embedding(s.at("word_embeddings"), ids), kind);
  const placed = add(s, sum, embedding(s.at("position_embeddings"), positions));
  return layerNorm(s.at("LayerNorm"), placed, { eps });
}

/** Self-attention and feed forward, each added and then normalized (`RobertaLayer`). */
function layer(s: Scope, x: Value, keyBias: Value | undefined, config: RobertaConfig): Value {
  const { num_attention_heads: heads, layer_norm_eps: eps } = config;
  const self = s.at("attention.self");
  const [query, key, value] = ["query", "key", "value"].map((name) => linear(self.at(name), x)) as [
    Value,
    Value,
    Value,
  ];
  const attended = attention(self, { query, key, value }, { heads, keyBias });
  const own = linear(s.at("attention.output.dense"), attended);
  const normal = layerNorm(s.at("attention.output.LayerNorm"), add(s, own, x), { eps });
  const wide = activation(s, linear(s.at("intermediate.dense"), normal), config.hidden_act);
  const fed = linear(s.at("output.dense"), wide);
  return layerNorm(s.at("output.LayerNorm"), add(s, fed, normal), { eps });
}
