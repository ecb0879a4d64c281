import { MICROSOFT, type Scope, type Value, type Weight } from "../graph/mod.ts";
import { withChanges } from "./lora.ts";
import { quantizedLinear } from "./quantized.ts";

/** Whether a layer adds a bias. */
export interface BiasOptions {
  /** Whether it has one, as the reference class or the config says. Defaults to true. */
  readonly bias?: boolean | undefined;
}

/** x·Wᵀ + b over the last axis, with the checkpoint's `weight` [out, in] and `bias` [out]. */
export function linear(s: Scope, input: Value, { bias: isBiased = true }: BiasOptions = {}): Value {
  const apply = (x: Value, weight: Weight) => matMulTransposed(s, x, weight);
  const weight = () => s.tensor("weight");
  const dims = s.shape("weight");
  const bias = isBiased ? s.tensor("bias", dims.slice(0, 1)) : undefined;
  const quantized = s.quantized();
  const result = quantized === undefined
    ? biased(s, apply(input, weight()), bias)
    : quantizedLinear(s, input, quantized, bias);
  return withChanges(s, { input, result, rank: dims.length, weight, bias, apply, mix: apply });
}

function biased(s: Scope, x: Value, bias: Value | undefined): Value {
  return bias === undefined ? x : s.op("Add", [x, bias]);
}

/** x·Wᵀ over the last axis, for a weight [out, in] that is shared with another module. */
export function matMulTransposed(s: Scope, x: Value, weight: Weight): Value {
  if (s.graph.lowering.linear === "FusedMatMul") {
    return s.op("FusedMatMul", [x, weight], { transB: 1 }, { domain: MICROSOFT });
  }
  return s.op("MatMul", [x, s.op("Transpose", [weight], { perm: [1, 0] })]);
}
