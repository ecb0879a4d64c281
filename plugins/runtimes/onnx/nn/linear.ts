import { MICROSOFT, type Scope, type Value, type Weight } from "../graph/mod.ts";
import { withChanges } from "./lora.ts";

/** x·Wᵀ + b over the last axis, with the checkpoint's `weight` [out, in] and, if there, `bias`. */
export function linear(s: Scope, input: Value): Value {
  const apply = (x: Value, weight: Weight) => matMulTransposed(s, x, weight);
  const weight = s.tensor("weight");
  const product = apply(input, weight);
  const bias = s.has("bias") ? s.tensor("bias") : undefined;
  const result = bias === undefined ? product : s.op("Add", [product, bias]);
  return withChanges(s, { input, result, weight, bias, apply, mix: apply });
}

/** x·Wᵀ over the last axis, for a weight [out, in] that is shared with another module. */
export function matMulTransposed(s: Scope, x: Value, weight: Weight): Value {
  if (s.graph.lowering.linear === "FusedMatMul") {
    return s.op("FusedMatMul", [x, weight], { transB: 1 }, { domain: MICROSOFT });
  }
  return s.op("MatMul", [x, s.op("Transpose", [weight], { perm: [1, 0] })]);
}
