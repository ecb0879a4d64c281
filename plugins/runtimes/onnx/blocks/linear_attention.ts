import type { Scope, Value } from "../graph/mod.ts";
import { add, div, matMul, relu, transpose } from "../nn/mod.ts";

/**
 * Attention without a softmax, whose cost grows with the number of tokens and not with its square:
 * relu(q)·(relu(k)ᵀ·v) / relu(q)·Σ relu(k) for each head (Katharopoulos et al., 2020, arXiv:2006.16236; Sana),
 * in float32 whatever type the module computes in.
 *
 * @param query [N, heads, tokens, width].
 * @param key [N, heads, tokens, width].
 * @param value [N, heads, tokens, width].
 * @returns [N, heads, tokens, width].
 */
export function linearAttention(
  s: Scope,
  { query, key, value }: { readonly query: Value; readonly key: Value; readonly value: Value },
): Value {
  const exact = (x: Value) => s.cast(x, "float32");
  const q = exact(relu(s, query));
  const k = transpose(s, exact(relu(s, key)), [0, 1, 3, 2]); // [N, heads, width, tokens]
  const context = matMul(s, k, exact(value)); // [N, heads, width, width]
  const sum = s.op("ReduceSum", [k, s.ints([-1])], { keepdims: 1 }); // [N, heads, width, 1]
  return s.cast(div(s, matMul(s, q, context), add(s, matMul(s, q, sum), 1e-15)));
}
