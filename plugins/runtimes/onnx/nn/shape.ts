import type { Scope, Value } from "../graph/mod.ts";

/** Same numbers, other sizes: 0 keeps the size at that place, one -1 takes what is left. */
export function reshape(s: Scope, x: Value, dims: readonly number[]): Value {
  return s.op("Reshape", [x, s.ints(dims)]);
}

/** Sizes with equal ones before or after them, such as 0 and -1 of a Reshape. */
export function moreSizes(
  s: Scope,
  sizes: Value,
  { before = [], after = [] }: {
    readonly before?: readonly number[];
    readonly after?: readonly number[];
  },
): Value {
  // onnxruntime has a Pad of integers for CPUs alone, so that sizes stay where a Reshape wants them
  const pad = (x: Value, pads: readonly number[], value: number | undefined) =>
    value === undefined ? x : s.op("Pad", [x, s.ints(pads), s.scalar(value, "int64")]);
  return pad(pad(sizes, [before.length, 0], before[0]), [0, after.length], after[0]);
}

/** The sizes of `x` as an int64 vector, or those from axis `start` to before axis `end`. */
export function shapeOf(s: Scope, x: Value, start = 0, end?: number): Value {
  return s.op("Shape", [x], { start, end }, { dtype: "int64" });
}

/** 0, 1, 2 and so on, as many as `x` is long along an axis: int64 [length]. */
export function placesAlong(s: Scope, x: Value, axis: number): Value {
  const count = squeeze(s, shapeOf(s, x, axis, axis + 1), [0]);
  return s.op("Range", [s.scalar(0, "int64"), count, s.scalar(1, "int64")]);
}

/** Same numbers in the sizes of `like`. */
export function reshapeLike(s: Scope, x: Value, like: Value): Value {
  return s.op("Reshape", [x, shapeOf(s, like)]);
}

/** Permutes axes. */
export function transpose(s: Scope, x: Value, perm: readonly number[]): Value {
  return s.op("Transpose", [x], { perm });
}

/** Puts axes of size 1 in at these places. */
export function unsqueeze(s: Scope, x: Value, axes: readonly number[]): Value {
  return s.op("Unsqueeze", [x, s.ints(axes)]);
}

/** Takes axes of size 1 out at these places. */
export function squeeze(s: Scope, x: Value, axes: readonly number[]): Value {
  return s.op("Squeeze", [x, s.ints(axes)]);
}

/** Puts values one after another along an axis. */
export function concat(s: Scope, values: readonly Value[], axis: number): Value {
  return s.op("Concat", values, { axis });
}

/** Cuts a value into `count` equal parts along an axis, as torch's `chunk`. */
export function chunk(s: Scope, x: Value, count: number, axis: number): Value[] {
  const most = s.graph.lowering.mostParts;
  for (let parts = most; count > most && parts > 1; parts--) {
    if (count % parts !== 0) continue;
    return chunk(s, x, parts, axis).flatMap((part) => chunk(s, part, count / parts, axis));
  }
  return s.ops("Split", [x], count, { axis, num_outputs: count });
}

/** Cuts a value into parts of these sizes along an axis. */
export function split(s: Scope, x: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length > s.graph.lowering.mostParts) {
    let start = 0;
    return sizes.map((size) => slice(s, x, axis, start, start += size));
  }
  return s.ops("Split", [x, s.ints(sizes)], sizes.length, { axis });
}

/** Every `step`th element from `start` to before `end` of an axis; negative ones count from the end. */
export function slice(
  s: Scope,
  x: Value,
  axis: number,
  start: number,
  end: number,
  step = 1,
): Value {
  const steps = step === 1 ? [] : [s.ints([step])];
  return s.op("Slice", [x, s.ints([start]), s.ints([end]), s.ints([axis]), ...steps]);
}

/** Repeats a value to these sizes, given as an int64 vector, by broadcasting. */
export function expand(s: Scope, x: Value, dims: Value): Value {
  return s.op("Expand", [x, dims]);
}

/** Cuts a value along an axis into parts as long as those of `like`, whose lengths may vary. */
export function splitLike(s: Scope, x: Value, like: readonly Value[], axis: number): Value[] {
  const lengths = concat(s, like.map((value) => shapeOf(s, value, axis, axis + 1)), 0);
  return s.ops("Split", [x, lengths], like.length, { axis });
}
