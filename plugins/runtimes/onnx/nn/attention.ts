import { floatAttribute, MICROSOFT, type Scope, type Value } from "../graph/mod.ts";
import { add, div, matMul, mul, softmax, sub } from "./arithmetic.ts";
import { expand, moreSizes, reshape, shapeOf, transpose, unsqueeze } from "./shape.ts";

/** What attention is computed from, after the projections. */
export interface AttentionInputs {
  /** [N, queries, heads·width]. */
  readonly query: Value;
  /** [N, keys, heads·width]. */
  readonly key: Value;
  /** [N, keys, heads·width of a value]. */
  readonly value: Value;
}

/** Options of attention. */
export interface AttentionOptions {
  /** How many heads the last axis holds. */
  readonly heads: number;
  /** Factor of query·key; 1/√(width of a head) by default. */
  readonly scale?: number | undefined;
  /** Added to the scores before the softmax: [N or 1, heads or 1, queries, keys]. */
  readonly bias?: Value | undefined;
  /** The same for every query, as a mask of keys is: [N or 1, 1, 1, keys]. */
  readonly keyBias?: Value | undefined;
  /** Bends the scores before the biases to softCap·tanh(score / softCap). Not by default. */
  readonly softCap?: number | undefined;
}

/**
 * softmax(scale·q·kᵀ + bias)·v for each head (Vaswani et al., 2017, arXiv:1706.03762).
 * The result is [N, queries, heads·width of a value].
 */
export function attention(s: Scope, inputs: AttentionInputs, options: AttentionOptions): Value {
  return s.graph.lowering.attention === "MultiHeadAttention" && options.softCap === undefined
    ? fused(s, inputs, options)
    : standard(s, inputs, options);
}

/** Queries and keys of an attention. */
export interface AttentionMapInputs extends Pick<AttentionInputs, "query" | "key"> {
  /** How many heads the last axis holds. */
  readonly heads: number;
}

/** How much attention each key receives from all queries together, the mean of the heads: [N, keys]. */
export function attentionReceived(
  s: Scope,
  { query, key, heads }: AttentionMapInputs,
): Value {
  const split = (x: Value, perm: readonly number[]) =>
    transpose(s, reshape(s, x, [0, 0, heads, -1]), perm);
  const q = split(query, [0, 2, 1, 3]); // [N, heads, queries, width]
  const k = split(key, [0, 2, 3, 1]); // [N, heads, width, keys]
  const weights = softmax(s, matMul(s, mul(s, q, inverseRootWidth(s, q)), k));
  const mean = s.op("ReduceMean", [weights, s.ints([1])], { keepdims: 0 }); // [N, queries, keys]
  return s.op("ReduceSum", [mean, s.ints([1])], { keepdims: 0 });
}

function fused(
  s: Scope,
  { query, key, value }: AttentionInputs,
  { heads, scale, bias: given, keyBias }: AttentionOptions,
): Value {
  const bias = keyBias === undefined ? given : forQueries(s, keyBias, query, given);
  const inputs = [query, key, value, ...(bias ? [undefined, undefined, bias] : [])];
  return s.op("MultiHeadAttention", inputs, {
    num_heads: heads,
    scale: scale === undefined ? undefined : floatAttribute(scale),
  }, { domain: MICROSOFT });
}

/** A bias of keys as the fused operator takes it, with a row for each query. */
function forQueries(s: Scope, keyBias: Value, query: Value, bias: Value | undefined): Value {
  if (bias !== undefined) return add(s, bias, keyBias);
  const rows = moreSizes(s, shapeOf(s, query, 1, 2), { before: [1, 1], after: [1] });
  return expand(s, keyBias, rows);
}

function standard(
  s: Scope,
  { query, key, value }: AttentionInputs,
  { heads, scale, bias, keyBias, softCap }: AttentionOptions,
): Value {
  const split = (x: Value, perm: readonly number[]) =>
    transpose(s, reshape(s, x, [0, 0, heads, -1]), perm);
  const q = split(query, [0, 2, 1, 3]); // [N, heads, queries, width]
  const k = split(key, [0, 2, 3, 1]); // [N, heads, width, keys]
  const v = split(value, [0, 2, 1, 3]); // [N, heads, keys, width']
  const factor = scale ?? inverseRootWidth(s, q);
  const raw = matMul(s, mul(s, q, factor), k); // [N, heads, queries, keys]
  const scores = softCap === undefined
    ? raw
    : mul(s, s.op("Tanh", [div(s, raw, softCap)]), softCap);
  const biased = [bias, keyBias].reduce<Value>(
    (sum, one) => one === undefined ? sum : add(s, sum, one),
    scores,
  );
  const weights = softmax(s, biased);
  const out = transpose(s, matMul(s, weights, v), [0, 2, 1, 3]); // [N, queries, heads, width']
  return reshape(s, out, [0, 0, -1]);
}

/** 1/√(last size of q), which is only known when the graph runs. */
function inverseRootWidth(s: Scope, q: Value): Value {
  const width = s.cast(s.op("Shape", [q], { start: -1 }, { dtype: "int64" }));
  return s.op("Reciprocal", [s.op("Sqrt", [width])]);
}

/** Far down for a softmax, and finite in each type. */
const LOWEST = { float32: -3e38, float16: -65504, bfloat16: -3e38 } as const;

/** What is added to scores so that a key is masked, in the type that a module computes in. */
export function hiddenScore(s: Scope): number {
  return LOWEST[s.dtype];
}

/**
 * The bias that masks keys whose mask is 0: [N, 1, 1, keys].
 *
 * @param mask Numbers of any type, 1 where a key counts, [N, keys].
 * @param hidden Added to the scores of the others. Defaults to {@linkcode hiddenScore}.
 */
export function maskBias(s: Scope, mask: Value, hidden: number = hiddenScore(s)): Value {
  return mul(s, unsqueeze(s, sub(s, 1, s.cast(mask)), [1, 2]), hidden);
}

/** The lowest float16 number: far enough down for a softmax, and finite in both float types. */
const MASKED = -65504;

/**
 * The bias with which each token attends to itself and those before it: [1, 1, tokens, tokens].
 *
 * @param x Any value [N, tokens, ...].
 * @param hidden Added to the scores of the others. Defaults to -65504, which each type holds.
 */
export function causalBias(s: Scope, x: Value, hidden: number = MASKED): Value {
  return s.op("Trilu", [allMasked(s, x, hidden), s.scalar(1, "int64")], { upper: 1 });
}

/**
 * The bias that masks tokens from that many places before on: [1, 1, tokens, tokens].
 *
 * @param x Any value [N, tokens, ...].
 * @param window How many tokens are attended to, the token itself included.
 * @param hidden Added to the scores of the others. Defaults to -65504, which each type holds.
 */
export function windowBias(
  s: Scope,
  x: Value,
  window: number,
  hidden: number = MASKED,
): Value {
  return s.op("Trilu", [allMasked(s, x, hidden), s.scalar(-window, "int64")], { upper: 0 });
}

function allMasked(s: Scope, x: Value, hidden: number): Value {
  const tokens = s.op("Shape", [x], { start: 1, end: 2 }, { dtype: "int64" });
  const square = s.op("Concat", [s.ints([1, 1]), tokens, tokens], { axis: 0 });
  return s.op("Expand", [s.scalar(hidden), square]);
}
