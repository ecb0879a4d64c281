import { Tensor } from "@denoise/core";

/** Keys' cubic convolution with a = -3/4, as torch takes it, or a = -1/2 where it antialiases. */
function cubic(x: number, a = -0.75): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

/** How new places are made of old ones. */
export type SpatialMode =
  | "nearest"
  | "nearest-exact"
  | "area"
  | "bilinear"
  | "bilinear-corners"
  | "bicubic"
  | "bilinear-antialias"
  | "bicubic-antialias";

/** An old place and its share. */
interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** The old places that a new one is made of, by their distance from it, with their weights. */
function tapsAt(mode: SpatialMode, i: number, from: number, to: number): readonly Tap[] {
  if (mode === "nearest") return [{ at: Math.floor(i * from / to), weight: 1 }];
  if (mode === "nearest-exact") {
    return [{ at: Math.min(from - 1, Math.floor((i + 0.5) * from / to)), weight: 1 }];
  }
  if (mode === "area") {
    const [first, end] = [Math.floor(i * from / to), Math.ceil((i + 1) * from / to)];
    return shares(first, Array(end - first).fill(1));
  }
  if (mode === "bilinear-antialias") {
    return covered((x) => Math.max(0, 1 - Math.abs(x)), 1, i, from / to, from);
  }
  if (mode === "bicubic-antialias") {
    return covered((x) => cubic(x, -0.5), 2, i, from / to, from);
  }
  const middle = mode === "bilinear-corners"
    ? i * (from - 1) / Math.max(1, to - 1)
    : (i + 0.5) * from / to - 0.5;
  const place = mode === "bilinear" ? Math.max(0, middle) : middle;
  const first = Math.floor(place);
  const share = place - first;
  const taps = mode === "bilinear" || mode === "bilinear-corners"
    ? [[first, 1 - share], [first + 1, share]]
    : [-1, 0, 1, 2].map((offset) => [first + offset, cubic(share - offset)]);
  return taps.map(([at, weight]) => ({
    at: Math.min(from - 1, Math.max(0, at!)),
    weight: weight!,
  }));
}

/** Places one after the other whose weights add up to 1. */
function shares(first: number, weights: readonly number[]): readonly Tap[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, i) => ({ at: first + i, weight: weight / whole }));
}

/** All old places that a new one covers, as far as a filter reaches at that scale. */
function covered(
  filter: (x: number) => number,
  reach: number,
  i: number,
  scale: number,
  from: number,
): readonly Tap[] {
  const width = Math.max(scale, 1);
  const [support, center] = [reach * width, scale * (i + 0.5)];
  const first = Math.max(0, Math.trunc(center - support + 0.5));
  const end = Math.min(from, Math.trunc(center + support + 0.5));
  const at = Array.from({ length: end - first }, (_, j) => first + j);
  return shares(first, at.map((place) => filter((place - center + 0.5) / width)));
}

function taps(mode: SpatialMode, from: number, to: number): readonly (readonly Tap[])[] {
  return Array.from({ length: to }, (_, i) => tapsAt(mode, i, from, to));
}

/**
 * `interpolate(size=(height, width), mode=mode, align_corners=False)` of torch over two axes; with
 * `antialias=True` or `align_corners=True` where the mode says so.
 *
 * @param x float32 [N, C, H, W].
 * @returns float32 [N, C, height, width].
 */
export function resizeSpatial(
  x: Tensor,
  height: number,
  width: number,
  mode: SpatialMode,
): Tensor {
  const [count, channels, rows, columns] = x.dims as [number, number, number, number];
  const [down, across] = [taps(mode, rows, height), taps(mode, columns, width)];
  const [source, result] = [x.data, new Float32Array(count * channels * height * width)];
  let at = 0;
  for (let plane = 0; plane < count * channels; plane++) {
    for (const vertical of down) {
      for (const horizontal of across) {
        let sum = 0;
        for (const { at: row, weight } of vertical) {
          let line = 0;
          for (const tap of horizontal) {
            line += tap.weight * Number(source[(plane * rows + row) * columns + tap.at]);
          }
          sum += weight * line;
        }
        result[at++] = sum;
      }
    }
  }
  return new Tensor("float32", result, [count, channels, height, width]);
}
