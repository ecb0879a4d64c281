import { fma } from "./_float32.ts";
import { axisOf, forEachRow, sizeOf, stridesOf } from "./_layout.ts";
import type { Numbers } from "./dtype.ts";

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep each reduced axis as an axis of one element. */
  readonly keepDims?: boolean;
}

/** A reduction: the shape of its result, and the elements that each result is made from. */
export interface Groups {
  readonly dims: number[];
  readonly groups: readonly Numbers[];
}

/**
 * Brings the elements of each group that is reduced together, in row-major order.
 *
 * @param axes The axes to reduce; all when undefined.
 */
export function groupAlong(
  values: Numbers,
  dims: readonly number[],
  axes: number | readonly number[] | undefined,
  options: ReduceOptions,
): Groups {
  const list = axes === undefined ? dims.map((_, axis) => axis) : [axes].flat() as number[];
  const reduced = new Set(list.map((axis) => axisOf(axis, dims)));
  const keep = dims.map((_, axis) => axis).filter((axis) => !reduced.has(axis));
  const kept = dims
    .map((dim, axis) => (reduced.has(axis) ? (options.keepDims ? 1 : -1) : dim))
    .filter((dim) => dim >= 0);
  const order = [...keep, ...[...reduced].sort((a, b) => a - b)];
  const count = sizeOf(keep.map((axis) => dims[axis]!));
  const length = sizeOf([...reduced].map((axis) => dims[axis]!));
  const sorted = order.every((axis, place) => axis === place)
    ? values
    : reorder(values, dims, order);
  const groups = Array.from(
    { length: count },
    (_, g) => sorted.subarray(g * length, (g + 1) * length),
  );
  return { dims: kept, groups };
}

/** The elements in the order that the axes have after `order` put them. */
export function reorder<T extends Numbers | Uint16Array | BigInt64Array>(
  values: T,
  dims: readonly number[],
  order: readonly number[],
): T {
  const strides = stridesOf(dims);
  const to = order.map((axis) => dims[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const step = steps[steps.length - 1] ?? 1;
  const row = to[to.length - 1] ?? 1;
  const out = new (values.constructor as new (size: number) => T)(values.length);
  forEachRow(to, [steps], (position, [offset]) => {
    for (let i = 0; i < row; i++) out[position + i] = values[offset! + i * step]!;
  });
  return out;
}

/** Sum in float64. */
export function sum(values: Numbers): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

/** Mean; NaN of nothing. */
export function mean(values: Numbers): number {
  return sum(values) / values.length;
}

/** Standard deviation; `correction` is 1 for the unbiased one, 0 for the population's. */
export function std(values: Numbers, correction: number): number {
  const centre = mean(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - centre) ** 2;
  return Math.sqrt(squares / Math.max(0, values.length - correction));
}

/** Smallest or largest element; NaN when one is NaN. */
export function extreme(values: Numbers, pick: (a: number, b: number) => number): number {
  let found = values[0]!;
  for (let i = 1; i < values.length; i++) found = pick(found, values[i]!);
  return found;
}

/**
 * The quantile with linear interpolation, by the steps of `torch.quantile` on float32: the rank
 * q·(n − 1) and its fraction are float32 too.
 */
export function quantile(values: Numbers, q: number): number {
  const sorted = Float32Array.from(values).sort();
  if (Number.isNaN(sorted[sorted.length - 1])) return NaN;
  const f = Math.fround;
  const rank = f(f(q) * (sorted.length - 1));
  const below = sorted[Math.floor(rank)]!;
  const above = sorted[Math.ceil(rank)]!;
  const weight = f(rank - Math.floor(rank));
  const gap = f(above - below);
  return weight < 0.5 ? fma(weight, gap, below) : fma(f(weight - 1), gap, above);
}
