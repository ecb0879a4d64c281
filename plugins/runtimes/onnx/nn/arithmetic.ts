import type { Scope, Value } from "../graph/mod.ts";

/** A value of the graph, or a number. */
export type Operand = Value | number;

function operand(s: Scope, value: Operand, other: Operand): Value {
  if (typeof value !== "number") return value;
  const dtype = typeof other === "number" ? undefined : other.dtype;
  if (dtype === "float32" || dtype === "float16" || dtype === "bfloat16" || dtype === "int64") {
    return s.scalar(value, dtype);
  }
  return s.scalar(value);
}

function binary(s: Scope, type: string, a: Operand, b: Operand): Value {
  return s.op(type, [operand(s, a, b), operand(s, b, a)]);
}

/** a + b, with broadcasting. */
export function add(s: Scope, a: Operand, b: Operand): Value {
  return binary(s, "Add", a, b);
}

/** a + b of values of the same sizes: a device may make it where it is normalized. */
export function sum(s: Scope, a: Value, b: Value): Value {
  return s.op("Add", [a, b], {}, { sameSizes: true });
}

/** a − b, with broadcasting. */
export function sub(s: Scope, a: Operand, b: Operand): Value {
  return binary(s, "Sub", a, b);
}

/** a · b for each element, with broadcasting. */
export function mul(s: Scope, a: Operand, b: Operand): Value {
  return binary(s, "Mul", a, b);
}

/** a / b, with broadcasting. */
export function div(s: Scope, a: Operand, b: Operand): Value {
  return binary(s, "Div", a, b);
}

/** Matrix product of the last two axes, with broadcasting of those before. */
export function matMul(s: Scope, a: Value, b: Value): Value {
  return s.op("MatMul", [a, b]);
}

/** Softmax along an axis. Defaults to the last. */
export function softmax(s: Scope, x: Value, axis = -1): Value {
  return s.op("Softmax", [x], { axis });
}

/** Limits values to the range from `min` to `max`. */
export function clamp(s: Scope, x: Value, min: number, max: number): Value {
  return s.op("Clip", [x, operand(s, min, x), operand(s, max, x)]);
}

/** Within what float16 holds, where that is what the graph computes in: ±65504 (`clip` of transformers' blocks). */
export function withinFloat16(s: Scope, x: Value): Value {
  return s.dtype === "float16" ? clamp(s, x, -65504, 65504) : x;
}

/** The mean along axes, which are kept as size 1 unless `keepDims` is false. */
export function mean(s: Scope, x: Value, axes: readonly number[], keepDims = true): Value {
  return s.op("ReduceMean", [x, s.ints(axes)], { keepdims: keepDims ? 1 : 0 });
}

/** The Euclidean length along axes, which are kept as size 1. */
export function norm(s: Scope, x: Value, axes: readonly number[]): Value {
  return s.op("ReduceL2", [x, s.ints(axes)], { keepdims: 1 });
}

/** Where `condition` holds `a`, elsewhere `b`. */
export function where(s: Scope, condition: Value, a: Operand, b: Operand): Value {
  const [yes, no] = [operand(s, a, b), operand(s, b, a)];
  return s.op("Where", [condition, yes, no], {}, { dtype: yes.dtype });
}
