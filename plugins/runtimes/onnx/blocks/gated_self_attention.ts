import type { Scope, Value } from "../graph/mod.ts";
import { add, concat, layerNorm, linear, mul, shapeOf, tanh } from "../nn/mod.ts";
import { attentionLayer } from "./attention_block.ts";
import { feedForward } from "./feed_forward.ts";

/**
 * Pixels that look at each other and at objects, as far as two learned gates let them
 * (`GatedSelfAttentionDense`): Li et al., "GLIGEN: Open-Set Grounded Text-to-Image Generation"
 * (arXiv:2301.07093), section 4.2.
 *
 * @param x [N, tokens, C].
 * @param objects [N, objects, D].
 * @returns [N, tokens, C].
 */
export function gatedSelfAttention(s: Scope, x: Value, objects: Value, heads: number): Value {
  const gate = (name: string, value: Value) => mul(s, value, tanh(s, s.tensor(name))); // of one number
  const both = layerNorm(s.at("norm1"), concat(s, [x, linear(s.at("linear"), objects)], 1));
  const pixels = (of: Value) => s.op("Slice", [of, s.ints([0]), shapeOf(s, x, 1, 2), s.ints([1])]);
  const seen = attentionLayer(s.at("attn"), pixels(both), both, { heads, bias: false });
  const attended = add(s, x, gate("alpha_attn", seen));
  const fed = feedForward(s.at("ff"), layerNorm(s.at("norm2"), attended), { activation: "geglu" });
  return add(s, attended, gate("alpha_dense", fed));
}
