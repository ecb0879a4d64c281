/** What a depth map is brought to the others by: scale · depth + shift. */
export interface Alignment {
  /** One for each map. */
  readonly scales: readonly number[];
  /** One for each map; zeros where shifts are not asked for. */
  readonly shifts: readonly number[];
}

/** How depth maps are aligned. */
export interface AlignOptions {
  /** Whether maps may be shifted, not scaled alone. */
  readonly shiftInvariant: boolean;
  /** How the maps are brought together: at each place their mean, or the lower of the middle ones. */
  readonly reduction: "mean" | "median";
  /** How much it costs that the whole does not reach from 0 to 1. Defaults to 0.02. */
  readonly regularizerStrength?: number | undefined;
  /** Steps of the search at most. Defaults to 2. */
  readonly maxIter?: number | undefined;
  /** Slope at which the search ends. Defaults to 1e-3. */
  readonly tol?: number | undefined;
}

/**
 * Finds shifts by which depth maps of one photo agree where each is scaled to reach over a range of 1: those
 * with the least sum of root mean square differences of all pairs, equation 4 of Ke et al.
 * (arXiv:2312.02145), by the method of Broyden, Fletcher, Goldfarb and Shanno.
 *
 * The reference searches for scales, too, by differences of 1.5e-8 between float32 numbers: scales above 0.25
 * do not change by so little, so that they stay as they are there as well. (With exact gradients they would
 * all fall, since maps that show nothing agree best.) Those of its shifts are rounding in part; the gradient
 * here is exact.
 *
 * @param maps The depths of each map, all of one length.
 *
 * @example
 * ```ts
 * import { alignDepth } from "@denoise/marigold";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const [a, b] = [Float32Array.of(0, 0.5, 1), Float32Array.of(0.2, 0.4, 0.6)];
 * const { scales, shifts } = alignDepth([a, b], { shiftInvariant: true, reduction: "median" });
 * assertAlmostEquals(scales[1]! * 0.6 + shifts[1]!, scales[0]! * 1 + shifts[0]!, 1e-5);
 * ```
 */
export function alignDepth(maps: readonly Float32Array[], options: AlignOptions): Alignment {
  const { shiftInvariant, maxIter = 2, tol = 1e-3 } = options;
  const spans = maps.map((map) => ({ low: lowest(map), high: -lowest(map.map((x) => -x)) }));
  const scales = spans.map(({ low, high }) =>
    1 / Math.max(1e-6, shiftInvariant ? high - low : high)
  );
  if (!shiftInvariant) return { scales, shifts: scales.map(() => 0) };
  const start = spans.map(({ low }, i) => -scales[i]! * low);
  const scaled = maps.map((map, i) => Float64Array.from(map, (x) => scales[i]! * x));
  const shifts = minimize((x) => disagreement(scaled, x, options), start, { maxIter, tol });
  return { scales, shifts };
}

function lowest(values: Float32Array): number {
  return values.reduce((low, value) => Math.min(low, value), Infinity);
}

/** Which of the sorted values torch takes as the median. */
export function medianIndex(count: number): number {
  return Math.floor((count - 1) / 2);
}

interface Valued {
  readonly value: number;
  readonly gradient: readonly number[];
}

/** What shifts cost, and how that changes with each. */
function disagreement(
  maps: readonly Float64Array[],
  shifts: readonly number[],
  { reduction, regularizerStrength = 0.02 }: AlignOptions,
): Valued {
  const [count, length] = [maps.length, maps[0]!.length];
  const aligned = maps.map((map, i) => map.map((x) => x + shifts[i]!));
  const gradient = shifts.map(() => 0);
  let value = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      const [a, b] = [aligned[i]!, aligned[j]!];
      let [squares, sum] = [0, 0];
      for (let k = 0; k < length; k++) {
        const difference = a[k]! - b[k]!;
        squares += difference * difference;
        sum += difference;
      }
      const root = Math.sqrt(squares / length);
      value += root;
      if (root === 0) continue;
      gradient[i]! += sum / length / root;
      gradient[j]! -= sum / length / root;
    }
  }
  if (regularizerStrength > 0) {
    const whole = together(aligned, reduction);
    let [near, far] = [0, 0];
    for (let k = 1; k < length; k++) {
      if (whole.value(k) < whole.value(near)) near = k;
      if (whole.value(k) > whole.value(far)) far = k;
    }
    for (const [k, off] of [[near, whole.value(near)], [far, whole.value(far) - 1]] as const) {
      value += regularizerStrength * Math.abs(off);
      for (const { map, share } of whole.parts(k)) {
        gradient[map]! += regularizerStrength * Math.sign(off) * share;
      }
    }
  }
  return { value, gradient };
}

/** What maps are together at a place, and which of them it comes from. */
function together(maps: readonly Float64Array[], reduction: "mean" | "median") {
  if (reduction === "mean") {
    const share = 1 / maps.length;
    return {
      value: (k: number) => maps.reduce((sum, map) => sum + map[k]!, 0) * share,
      parts: () => maps.map((_, map) => ({ map, share })),
    };
  }
  const order = Array.from(maps.keys());
  const middle = (k: number) =>
    order.sort((a, b) => maps[a]![k]! - maps[b]![k]!)[medianIndex(maps.length)]!;
  const from = Uint16Array.from(maps[0]!, (_, k) => middle(k));
  return {
    value: (k: number) => maps[from[k]!]![k]!,
    parts: (k: number) => [{ map: from[k]!, share: 1 }],
  };
}

/** A quasi-Newton search: Nocedal and Wright, "Numerical Optimization", algorithm 6.1, with Armijo's rule. */
function minimize(
  at: (x: readonly number[]) => Valued,
  start: readonly number[],
  { maxIter, tol }: { readonly maxIter: number; readonly tol: number },
): readonly number[] {
  const size = start.length;
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  let inverse = Array.from(
    { length: size },
    (_, i) => start.map((_, j): number => i === j ? 1 : 0),
  );
  let [x, here] = [start, at(start)];
  let fall = Math.sqrt(dot(here.gradient, here.gradient)) / 2;
  for (let k = 0; k < maxIter; k++) {
    if (Math.max(...here.gradient.map(Math.abs)) <= tol) break;
    const direction = inverse.map((row) => -dot(row, here.gradient));
    const slope = dot(direction, here.gradient);
    // as far as the last step fell, their equation 3.60; of the first one a length of about 1
    let length = Math.min(1, 2.02 * fall / -slope);
    const reached = () => x.map((value, i) => value + length * direction[i]!);
    let next = at(reached());
    while (next.value > here.value + 1e-4 * length * slope && length > 1e-10) {
      length /= 2;
      next = at(reached());
    }
    // on as long as it is nearly as steep as at the beginning
    while (dot(next.gradient, direction) < 0.9 * slope) {
      const kept = length;
      length *= 2;
      const further = at(reached());
      if (further.value > here.value + 1e-4 * length * slope) {
        length = kept;
        break;
      }
      next = further;
    }
    if (next.value >= here.value) break;
    const step = direction.map((value) => length * value);
    const change = next.gradient.map((value, i) => value - here.gradient[i]!);
    x = reached();
    fall = here.value - next.value;
    here = next;
    const bend = dot(change, step);
    if (bend <= 0) continue;
    const bent = inverse.map((row) => dot(row, change));
    const growth = (1 + dot(change, bent) / bend) / bend;
    inverse = inverse.map((row, i) =>
      row.map((value, j) =>
        value + growth * step[i]! * step[j]! - (bent[i]! * step[j]! + step[i]! * bent[j]!) / bend
      )
    );
  }
  return x;
}
