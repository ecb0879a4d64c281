import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition, optional, timesteps } from "@denoise/onnx";
import { feedForward, timestepEmbedding, timestepWaves } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  causalBias,
  concat,
  expand,
  layerNorm,
  linear,
  maskBias,
  shapeOf,
  slice,
  squeeze,
  unsqueeze,
} from "@denoise/onnx/nn";
import type { PriorTransformerConfig } from "./config.ts";

type Config = FrozenConfig<PriorTransformerConfig>;

/** What the reference adds to the scores of what is masked. */
const HIDDEN = -10000;

/** Whether a sample is one vector, beside a token of which the result is made. */
export function isOneVector(config: Config): boolean {
  return config.added_emb_type === "prd";
}

/** Width of the result. */
export function resultWidth(config: Config): number {
  return config.clip_embed_dim ?? config.embedding_dim;
}

/** Attention of tokens to each other and feed forward, each normalized and added. */
function block(s: Scope, x: Value, heads: number, bias: Value | undefined): Value {
  const normal = layerNorm(s.at("norm1"), x);
  const attn = s.at("attn1");
  const seen = attention(attn, {
    query: linear(attn.at("to_q"), normal),
    key: linear(attn.at("to_k"), normal),
    value: linear(attn.at("to_v"), normal),
  }, { heads, bias });
  const own = add(s, linear(attn.at("to_out.0"), seen), x);
  const fed = feedForward(s.at("ff"), layerNorm(s.at("norm3"), own), { activation: "gelu" });
  return add(s, fed, own);
}

/** One of a parameter for each row of a value. */
function forRows(s: Scope, parameter: Value, like: Value): Value {
  return expand(s, parameter, concat(s, [shapeOf(s, like, 0, 1), s.ints([1, 1])], 0));
}

/** A vector of noise, time, and what it is to follow, to the vector of an image. */
export const forward: GraphDefinition<PriorTransformerConfig> = {
  inputs: (config) => ({
    hidden_states: isOneVector(config)
      ? float32("batch", config.embedding_dim)
      : float32("batch", "vectors", config.embedding_dim),
    timestep: timesteps(),
    proj_embedding: float32("batch", config.embedding_proj_dim ?? config.embedding_dim),
    ...(config.encoder_hid_proj_type === null ? {} : {
      encoder_hidden_states: float32("batch", "tokens", config.embedding_dim),
      attention_mask: optional(float32("batch", "all_tokens")),
    }),
  }),
  build(s, config, inputs) {
    const { hidden_states: sample, proj_embedding: wanted, encoder_hidden_states: text } = inputs;
    const { num_attention_heads: heads, attention_head_dim: width } = config;

    // tokens
    const time = timestepEmbedding(
      s.at("time_embedding"),
      timestepWaves(s.at("time_proj"), inputs.timestep!, { width: heads * width }),
      { activation: config.time_embed_act_fn },
    );
    const followed = config.embedding_proj_norm_type === null
      ? wanted!
      : layerNorm(s.at("embedding_proj_norm"), wanted!);
    const noisy = linear(s.at("proj_in"), sample!);
    const states = text && linear(s.at("encoder_hidden_states_proj"), text);
    const own = isOneVector(config) ? [unsqueeze(s, noisy, [1])] : [noisy];
    const prd = isOneVector(config) ? [forRows(s, s.tensor("prd_embedding"), noisy)] : [];
    const before = [
      ...(states === undefined ? [] : [states]),
      unsqueeze(s, linear(s.at("embedding_proj"), followed), [1]),
      unsqueeze(s, time, [1]),
    ];
    const places = s.tensor("positional_embedding");
    // without additional places they are those of the sample alone
    let x = config.additional_embeddings === 0
      ? concat(s, [...before, add(s, own[0]!, places), ...prd], 1)
      : add(s, concat(s, [...before, ...own, ...prd], 1), places); // [N, tokens, C]

    // blocks
    const mask = inputs.attention_mask;
    const bias = mask &&
      add(s, causalBias(s, x, HIDDEN), maskBias(s, mask, HIDDEN)); // [N, 1, tokens, tokens]
    if (config.norm_in_type !== null) x = layerNorm(s.at("norm_in"), x);
    for (let i = 0; i < config.num_layers; i++) {
      x = block(s.at("transformer_blocks", i), x, heads, bias);
    }

    // out
    const normal = layerNorm(s.at("norm_out"), x);
    const project = (y: Value) => linear(s.at("proj_to_clip_embeddings"), y);
    if (isOneVector(config)) {
      const last = slice(s, normal, 1, -1, Number.MAX_SAFE_INTEGER);
      return { prediction: project(squeeze(s, last, [1])) };
    }
    const start = states === undefined ? 2 : config.num_embeddings + 2;
    return { prediction: project(slice(s, normal, 1, start, Number.MAX_SAFE_INTEGER)) };
  },
};
