import type { FrozenConfig } from "@denoise/core";
import { type GraphDefinition, int64, namedStates, optional } from "@denoise/onnx";
import { repeatHeads } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  type AttentionInputs,
  causalBias,
  chunk,
  embedding,
  expand,
  hiddenScore,
  layerNorm,
  linear,
  maskBias,
  mul,
  placesAlong,
  reshape,
  rmsNorm,
  type RotaryOfRows,
  rotaryOfRows,
  rotate,
  shapeOf,
  silu,
  split,
  unsqueeze,
  where,
} from "@denoise/onnx/nn";
import type { ChatGLMConfig } from "./config.ts";

type Config = FrozenConfig<ChatGLMConfig>;

/** What all layers are given. */
interface LayerFacts {
  readonly bias: Value;
  readonly rotary: RotaryOfRows;
}

/** Ids to hidden states, cut after the last one that is asked for. */
export const forward: GraphDefinition<ChatGLMConfig> = {
  cut: true,
  inputs: () => ({
    input_ids: int64("batch", "tokens"),
    attention_mask: optional(int64("batch", "tokens")),
    places: optional(int64("batch", "tokens")),
  }),
  build(s, config, { input_ids, attention_mask: mask, places }): Readonly<Record<string, Value>> {
    const ids = input_ids!;
    const rotary = rotaryOfRows(s, places ?? ownPlaces(s, ids), config.kv_channels / 2);
    const facts = { bias: scoreBias(s, ids, mask), rotary };
    // float32 between layers whatever type the graph computes in, as float16 cannot hold the states
    let x = s.cast(embedding(s.at("embedding.word_embeddings"), ids), "float32"); // [N, tokens, C]
    const states = [x];
    for (let i = 0; i < config.num_layers; i++) {
      x = layer(s.at("encoder.layers", i), x, config, facts);
      states.push(x);
    }
    const last = config.post_layer_norm ? norm(s.at("encoder.final_layernorm"), x, config) : x;
    return namedStates([...states, last]);
  },
};

/** 0, 1, 2 and so on for each row. */
function ownPlaces(s: Scope, ids: Value): Value {
  return expand(s, placesAlong(s, ids, 1), shapeOf(s, ids));
}

/** Tokens see themselves and those before them that count; those that do not count see all. */
function scoreBias(s: Scope, ids: Value, mask: Value | undefined): Value {
  const hidden = hiddenScore(s);
  const causal = causalBias(s, ids, hidden); // [1, 1, tokens, tokens]
  if (mask === undefined) return causal;
  const seen = s.op("Min", [causal, maskBias(s, mask, hidden)]); // [N, 1, tokens, tokens]
  const counts = s.op("Equal", [unsqueeze(s, mask, [1, 3]), s.scalar(1, "int64")]); // [N, 1, tokens, 1]
  return where(s, counts, seen, s.scalar(0));
}

function norm(s: Scope, x: Value, { rmsnorm, layernorm_epsilon: eps }: Config): Value {
  return rmsnorm ? rmsNorm(s, x, { eps }) : layerNorm(s, s.cast(x), { eps });
}

/** Attention and gated feed forward, each after a normalization and added in float32 (`GLMBlock`). */
function layer(s: Scope, x: Value, config: Config, facts: LayerFacts): Value {
  const isPost = config.apply_residual_connection_post_layernorm;
  const sum = (residual: Value, made: Value) =>
    add(s, s.cast(residual, "float32"), s.cast(made, "float32"));
  const before = norm(s.at("input_layernorm"), x, config);
  const attended = selfAttention(s.at("self_attention"), before, config, facts);
  const seen = sum(isPost ? before : x, attended);
  const after = norm(s.at("post_attention_layernorm"), seen, config);
  return sum(isPost ? after : seen, feedForward(s.at("mlp"), after, config));
}

/** Attention of heads that share keys and values in groups, half of whose channels are turned. */
function selfAttention(s: Scope, x: Value, config: Config, { bias, rotary }: LayerFacts): Value {
  const { num_attention_heads: heads, kv_channels: width } = config;
  const keyHeads = config.multi_query_attention ? config.multi_query_group_num : heads;
  const { query, key, value } = project(s.at("query_key_value"), x, config);
  const turned = (of: Value, count: number) =>
    rotate(s, of, rotary, { heads: count, pairs: "interleaved", width: width / 2 });
  const shared = (of: Value) =>
    repeatHeads(s, of, { keyHeads, headWidth: width, times: heads / keyHeads });
  const seen = attention(s, {
    query: turned(query, heads),
    key: shared(turned(key, keyHeads)),
    value: shared(value),
  }, { heads, bias });
  return linear(s.at("dense"), seen, { bias: config.add_bias_linear });
}

/** Queries, keys and values, one behind the other; of each head together where heads share none. */
function project(s: Scope, x: Value, config: Config): AttentionInputs {
  const { num_attention_heads: heads, kv_channels: width, multi_query_group_num: groups } = config;
  const all = linear(s, x, { bias: config.add_bias_linear || config.add_qkv_bias });
  if (config.multi_query_attention) {
    const sizes = [heads, groups, groups].map((count) => count * width);
    const [query, key, value] = split(s, all, sizes, 2) as [Value, Value, Value];
    return { query, key, value };
  }
  const [query, key, value] = split(s, reshape(s, all, [0, 0, heads, -1]), Array(3).fill(width), 3)
    .map((part) => reshape(s, part, [0, 0, -1])) as [Value, Value, Value];
  return { query, key, value };
}

/** down(silu(a)·b) of a linear layer's halves a and b (arXiv:2002.05202). */
function feedForward(s: Scope, x: Value, { add_bias_linear: bias }: Config): Value {
  const wide = linear(s.at("dense_h_to_4h"), x, { bias });
  const [gate, up] = chunk(s, wide, 2, -1) as [Value, Value];
  return linear(s.at("dense_4h_to_h"), mul(s, silu(s, gate), up), { bias });
}
