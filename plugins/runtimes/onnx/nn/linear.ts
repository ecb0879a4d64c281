import { MICROSOFT, type Scope, type Value, type Weight } from "../graph/mod.ts";
import { withChanges } from "./lora.ts";

/** x·Wᵀ + b over the last axis, with the checkpoint's `weight` [out, in] and, if there, `bias`. */
export function linear(s: Scope, x: Value): Value {
  const product = matMulTransposed(s, x, s.tensor("weight"));
  const result = s.has("bias") ? s.op("Add", [product, s.tensor("bias")]) : product;
  return withChanges(
    s,
    result,
    2,
    (down, up) => matMulTransposed(s, matMulTransposed(s, x, down), up),
  );
}

/** x·Wᵀ over the last axis, for a weight [out, in] that is shared with another module. */
export function matMulTransposed(s: Scope, x: Value, weight: Weight): Value {
  if (s.graph.lowering.linear === "FusedMatMul") {
    return s.op("FusedMatMul", [x, weight], { transB: 1 }, { domain: MICROSOFT });
  }
  return s.op("MatMul", [x, s.op("Transpose", [weight], { perm: [1, 0] })]);
}
