import { Tensor } from "@denoise/core";

/** How values between samples are found. */
export type InterpolationMode =
  | "nearest"
  | "nearest-exact"
  | "linear"
  | "bilinear"
  | "trilinear"
  | "bicubic"
  | "area";

/** Spatial axes that a mode is for; any number where it is not named. */
const AXES: { readonly [mode in InterpolationMode]?: number } = {
  linear: 1,
  bilinear: 2,
  bicubic: 2,
  trilinear: 3,
};

/** A place in the input and its share of an output value. */
interface Tap {
  readonly at: number;
  readonly weight: number;
}

const f = Math.fround;

/** Keys' cubic convolution with a = −0.75, as torch uses it. */
function cubic(distance: number): number {
  const [x, a] = [Math.abs(distance), -0.75];
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/** What output place `place` of an axis is made of. */
function tapsOf(mode: InterpolationMode, place: number, from: number, to: number): Tap[] {
  const scale = f(from / to);
  const clip = (at: number): number => Math.min(Math.max(at, 0), from - 1);
  const centre = f(f(scale * f(place + 0.5)) - 0.5);
  switch (mode) {
    case "nearest":
      return [{ at: clip(Math.floor(f(place * scale))), weight: 1 }];
    case "nearest-exact":
      return [{ at: clip(Math.floor(f(f(place + 0.5) * scale))), weight: 1 }];
    case "area": {
      const start = Math.floor(place * from / to);
      const count = Math.ceil((place + 1) * from / to) - start;
      return Array.from({ length: count }, (_, i) => ({ at: start + i, weight: 1 / count }));
    }
    case "bicubic": {
      const base = Math.floor(centre);
      const t = f(centre - base);
      return [-1, 0, 1, 2].map((offset) => ({
        at: clip(base + offset),
        weight: cubic(offset - t),
      }));
    }
    default: {
      const position = Math.max(0, centre);
      const base = Math.min(Math.floor(position), from - 1);
      const share = f(position - base);
      return [{ at: base, weight: f(1 - share) }, { at: clip(base + 1), weight: share }];
    }
  }
}

/** One axis brought to another length. */
function resample(tensor: Tensor, axis: number, to: number, mode: InterpolationMode): Tensor {
  const from = tensor.dims[axis]!;
  const dims = tensor.dims.with(axis, to);
  const inner = dims.slice(axis + 1).reduce((size, dim) => size * dim, 1);
  const outer = dims.slice(0, axis).reduce((size, dim) => size * dim, 1);
  const source = tensor.toFloat32Array();
  const data = new Float32Array(outer * to * inner);
  for (let place = 0; place < to; place++) {
    const taps = tapsOf(mode, place, from, to);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (const { at, weight } of taps) sum += weight * source[(o * from + at) * inner + i]!;
        data[(o * to + place) * inner + i] = sum;
      }
    }
  }
  return new Tensor("float32", data, dims);
}

/**
 * Samples [N, C, ...] brought to another size, as float32: `torch.nn.functional.interpolate` without
 * antialiasing or aligned corners.
 *
 * @param size The length of each axis after the first two.
 * @throws {TypeError} when the mode is for another number of axes, or the size has another.
 * @throws {RangeError} for a mode that there is not, or a length below 1.
 */
export function interpolate(
  tensor: Tensor,
  size: readonly number[],
  mode: InterpolationMode,
): Tensor {
  const modes = ["nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"];
  if (!modes.includes(mode)) {
    throw new RangeError(
      `Cannot interpolate: the mode must be one of ${modes.join(", ")}, but is ${mode}`,
    );
  }
  const spatial = tensor.dims.length - 2;
  if (size.length !== spatial || (AXES[mode] ?? spatial) !== spatial) {
    throw new TypeError(
      `Cannot interpolate ${tensor} to [${size.join(", ")}]: "${mode}" is for ` +
        `${AXES[mode] ?? spatial} axes after the first two`,
    );
  }
  if (!size.every((length) => Number.isInteger(length) && length > 0)) {
    throw new RangeError(`Cannot interpolate to [${size.join(", ")}]: lengths are integers from 1`);
  }
  return size.reduce<Tensor>(
    (result, length, i) => resample(result, i + 2, length, mode),
    tensor,
  );
}
