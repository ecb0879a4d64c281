import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  attention,
  type AttentionInputs,
  linear,
  matMul,
  split,
  transpose,
} from "../nn/mod.ts";

/**
 * Attention whose query, key and value are projected by the parts of one matrix (torch's
 * `MultiheadAttention`): `in_proj_weight` [3 C, C], `in_proj_bias` [3 C], then `out_proj`.
 *
 * @param width C.
 * @returns [N, queries, C].
 */
export function joinedAttention(
  s: Scope,
  { query, key, value }: AttentionInputs,
  { width, heads }: { readonly width: number; readonly heads: number },
): Value {
  const widths = [width, width, width];
  const weights = split(s, s.tensor("in_proj_weight", [3 * width, width]), widths, 0);
  const biases = split(s, s.tensor("in_proj_bias", [3 * width]), widths, 0);
  const [q, k, v] = [query, key, value].map((x, i) =>
    add(s, matMul(s, x, transpose(s, weights[i]!, [1, 0])), biases[i]!)
  ) as [Value, Value, Value];
  return linear(s.at("out_proj"), attention(s, { query: q, key: k, value: v }, { heads }));
}
