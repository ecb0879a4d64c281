import type { Scope, Value } from "../graph/mod.ts";
import {
  biasedSum,
  conv2d,
  fromTokens,
  fusesSums,
  groupNorm,
  layerNorm,
  linear,
  type Normalized,
  smallNorm,
  sum,
  sumAndNorm,
  toTokens,
} from "../nn/mod.ts";
import { attentionLayer } from "./attention_block.ts";
import { feedForward } from "./feed_forward.ts";
import { gatedSelfAttention } from "./gated_self_attention.ts";
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

/** What a transformer block makes, to be added up: the last layer's result and the tokens before it. */
interface BlockResult {
  /** Without its bias, where that is added with the sum. */
  readonly result: Value;
  readonly to: Value;
}

/** Self-attention, attention to the context, feed forward; each normalized and added. */
function transformerBlock(
  s: Scope,
  { sum: x, normal }: Normalized,
  context: Context,
  { heads, onlyCrossAttention }: Transformer2dOptions,
): BlockResult {
  const isText = !context.isPixels;
  const seesText = onlyCrossAttention && isText;
  const seen = seesText ? { ...context, images: undefined } : normal;
  const other = { ...seen, keyBias: context.selfBias };
  const options = { heads, bias: false, outBias: false };
  const added = (norm: string, attention: string, result: Value, to: Value) =>
    sumAndNorm(s.at(norm), {
      terms: [result, to],
      bias: s.at(attention).tensor("to_out.0.bias"),
    });
  const perturbed = context.perturbed?.(s.at("attn1").path);
  const { watch, attendedRows } = context;
  const ofPixels = { ...options, perturbed, watch, rows: seesText ? undefined : attendedRows };
  const first = attentionLayer(s.at("attn1"), normal, other, ofPixels);
  const own = context.objects === undefined
    ? added("norm2", "attn1", first, x)
    : withObjects(s, [first, x], context.objects, heads);
  const text = isText ? context : { ...own.normal, keyBias: context.keyBias };
  const rows = isText ? undefined : attendedRows;
  const second = attentionLayer(s.at("attn2"), own.normal, text, { ...options, rows });
  const crossed = added("norm3", "attn2", second, own.sum);
  const outBias = !fusesSums(s, s.shape("norm1.weight")[0]);
  const result = feedForward(s.at("ff"), crossed.normal, { activation: "geglu", outBias });
  return { result, to: crossed.sum };
}

/** The sum after the first attention with what pixels see in objects, and its normalization. */
function withObjects(
  s: Scope,
  terms: readonly [Value, Value],
  objects: Value,
  heads: number,
): Normalized {
  const bias = s.at("attn1").tensor("to_out.0.bias");
  const alone = biasedSum(s, { terms, bias }, s.shape("norm1.weight")[0]!);
  const whole = gatedSelfAttention(s.at("fuser"), alone, objects, heads);
  return { sum: whole, normal: layerNorm(s.at("norm2"), whole) };
}

/** The sum of a block's result, and its normalization by the next. */
function nextTokens(s: Scope, next: Scope, { result, to }: BlockResult): Normalized {
  const norm = next.at("norm1");
  if (fusesSums(s, norm.shape("weight")[0])) {
    return sumAndNorm(norm, { terms: [result, to], bias: s.tensor("ff.net.2.bias") });
  }
  const whole = sum(s, result, to);
  return { sum: whole, normal: layerNorm(norm, whole) };
}

/** The sum of the last block's result. */
function lastTokens(s: Scope, { result, to }: BlockResult): Value {
  const width = s.shape("norm1.weight")[0]!;
  if (!fusesSums(s, width)) return sum(s, result, to);
  return biasedSum(s, { terms: [result, to], bias: s.tensor("ff.net.2.bias") }, width);
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
  const { groups, layers, linearProjection } = options;
  const normal = groupNorm(s.at("norm"), x, { groups, eps: 1e-6 });
  const channels = s.shape("norm.weight")[0]!;
  const projected = linearProjection
    ? linear(s.at("proj_in"), toTokens(s, normal, channels))
    : toTokens(s, conv2d(s.at("proj_in"), normal), s.shape("proj_in.weight")[0]); // [N, H·W, C]
  const blocks = Array.from({ length: layers }, (_, i) => s.at("transformer_blocks", i));
  let tokens = smallNorm(blocks[0]!.at("norm1"), projected);
  for (const [i, next] of blocks.slice(1).entries()) {
    tokens = nextTokens(blocks[i]!, next, transformerBlock(blocks[i]!, tokens, context, options));
  }
  const last = blocks.at(-1)!;
  const out = lastTokens(last, transformerBlock(last, tokens, context, options));
  if (!linearProjection) {
    return sum(s, conv2d(s.at("proj_out"), fromTokens(s, out, x)), x); // [N, C, H, W]
  }
  const projection = s.at("proj_out");
  if (!fusesSums(s, channels)) return sum(s, fromTokens(s, linear(projection, out), x), x);
  const result = linear(projection, out, { bias: false });
  const terms = [result, toTokens(s, x, channels)] as const;
  return fromTokens(s, biasedSum(s, { terms, bias: projection.tensor("bias") }, channels), x);
}
