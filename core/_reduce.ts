import { reorder } from "./_copy.ts";
import { axisOf, sizeOf } from "./_layout.ts";
import type { Numbers } from "./dtype.ts";

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep each reduced axis as an axis of one element. */
  readonly keepDims?: boolean;
}

/** Elements in groups that follow one another, each to be reduced to one number. */
export interface Groups {
  /** The shape of the result. */
  readonly dims: number[];
  /** The elements, group after group. */
  readonly values: Numbers;
  /** The number of groups. */
  readonly count: number;
  /** The number of elements in a group. */
  readonly length: number;
}

/** Reduces the elements from `start` up to `end`. */
export type Reducer = (values: Numbers, start: number, end: number) => number;

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
  const reduced = [...new Set(list.map((axis) => axisOf(axis, dims)))].sort((a, b) => a - b);
  const keep = [...dims.keys()].filter((axis) => !reduced.includes(axis));
  const order = [...keep, ...reduced];
  const inOrder = order.every((axis, place) => axis === place);
  return {
    dims: dims.flatMap((dim, axis) => {
      return reduced.includes(axis) ? (options.keepDims ? [1] : []) : [dim];
    }),
    values: inOrder ? values : reorder(values, dims, order),
    count: sizeOf(keep.map((axis) => dims[axis]!)),
    length: sizeOf(reduced.map((axis) => dims[axis]!)),
  };
}

/** Sum in float64. */
export const sum: Reducer = (values, start, end) => {
  let total = 0;
  for (let i = start; i < end; i++) total += values[i]!;
  return total;
};

/** Mean; NaN of nothing. */
export const mean: Reducer = (values, start, end) => sum(values, start, end) / (end - start);

/** Standard deviation; `correction` is 1 for the unbiased one, 0 for the population's. */
export function std(correction: number): Reducer {
  return (values, start, end) => {
    const centre = mean(values, start, end);
    let squares = 0;
    for (let i = start; i < end; i++) squares += (values[i]! - centre) ** 2;
    return Math.sqrt(squares / Math.max(0, end - start - correction));
  };
}

/** Smallest element; NaN when one is NaN. */
export const min: Reducer = (values, start, end) => {
  let found = values[start]!;
  for (let i = start + 1; i < end; i++) found = Math.min(found, values[i]!);
  return found;
};

/** Largest element; NaN when one is NaN. */
export const max: Reducer = (values, start, end) => {
  let found = values[start]!;
  for (let i = start + 1; i < end; i++) found = Math.max(found, values[i]!);
  return found;
};

/** The place of the largest element, the first of equals. */
export const argmax: Reducer = (values, start, end) => {
  let best = start;
  for (let i = start + 1; i < end; i++) if (values[i]! > values[best]!) best = i;
  return best - start;
};
