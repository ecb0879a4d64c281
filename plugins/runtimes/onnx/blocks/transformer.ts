import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  conv2d,
  fromTokens,
  groupNorm,
  layerNorm,
  linear,
  sumAndNorm,
  toTokens,
} from "../nn/mod.ts";
import { attentionLayer } from "./attention_block.ts";
import { feedForward } from "./feed_forward.ts";
import type { Context } from "./image_projection.ts";

/** Options of {@linkcode transformer2d}. */
export interface Transformer2dOptions {
  /** How many transformer blocks follow each other. */
  readonly layers: number;
  /** How many heads. */
  readonly heads: number;
  /** Groups of the normalization before the first. */
  readonly groups: number;
  /** Whether the projections in and out are linear layers on tokens, not 1x1 convolutions. */
  readonly linearProjection: boolean;
  /** Whether the first attention of a block looks at the context too. */
  readonly onlyCrossAttention: boolean;
}

/** Self-attention, attention to the context, feed forward; each normalized and added. */
function transformerBlock(
  s: Scope,
  x: Value,
  context: Context,
  { heads, onlyCrossAttention }: Transformer2dOptions,
): Value {
  const normal = layerNorm(s.at("norm1"), x);
  const seen = onlyCrossAttention ? { ...context, images: undefined } : normal;
  const other = { ...seen, keyBias: context.selfBias };
  const options = { heads, bias: false, outBias: false };
  const added = (norm: string, attention: string, result: Value, to: Value) =>
    sumAndNorm(s.at(norm), {
      terms: [result, to],
      bias: s.at(attention).tensor("to_out.0.bias"),
    });
  const first = attentionLayer(s.at("attn1"), normal, other, options);
  const own = added("norm2", "attn1", first, x);
  const second = attentionLayer(s.at("attn2"), own.normal, context, options);
  const crossed = added("norm3", "attn2", second, own.sum);
  return feedForward(s.at("ff"), crossed.normal, { activation: "geglu", to: crossed.sum });
}

/**
 * Transformer blocks on the pixels of an image, conditioned on a text (`Transformer2DModel`).
 *
 * @param x [N, C, H, W].
 * @param context [N, tokens, D].
 */
export function transformer2d(
  s: Scope,
  x: Value,
  context: Context,
  options: Transformer2dOptions,
): Value {
  const normal = groupNorm(s.at("norm"), x, { groups: options.groups, eps: 1e-6 });
  let tokens = options.linearProjection
    ? linear(s.at("proj_in"), toTokens(s, normal, s.shape("norm.weight")[0]))
    : toTokens(s, conv2d(s.at("proj_in"), normal), s.shape("proj_in.weight")[0]); // [N, H·W, C]
  for (let i = 0; i < options.layers; i++) {
    tokens = transformerBlock(s.at("transformer_blocks", i), tokens, context, options);
  }
  const out = options.linearProjection
    ? fromTokens(s, linear(s.at("proj_out"), tokens), x)
    : conv2d(s.at("proj_out"), fromTokens(s, tokens, x)); // [N, C, H, W]
  return add(s, out, x);
}
