/** A way to bring an image to another size, by its name in diffusers' image processors. */
export type Resample = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** A filter kernel: its weight at a distance, and where it ends. */
interface Kernel {
  readonly support: number;
  weight(x: number): number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Keys' cubic with a = -0.5. */
function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

/** The factors are float32 constants in Pillow. */
function hamming(x: number): number {
  const d = Math.abs(x);
  if (d === 0) return 1;
  if (d >= 1) return 0;
  const angle = d * Math.PI;
  return Math.sin(angle) / angle * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(angle));
}

/** The kernels of Pillow's Resample.c. */
export const FILTERS: { readonly [name in Exclude<Resample, "nearest">]: Kernel } = {
  box: { support: 0.5, weight: (x) => x > -0.5 && x <= 0.5 ? 1 : 0 },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 },
};

/** Which source pixels, with which weights, make each target pixel along one axis. */
export interface Taps {
  /** The first source pixel of each target pixel. */
  readonly starts: Int32Array;
  /** How many source pixels each target pixel takes. */
  readonly counts: Int32Array;
  /** `width` weights for each target pixel, summing up to 1. */
  readonly weights: Float64Array;
  readonly width: number;
}

/**
 * `precompute_coeffs` of Pillow's Resample.c.
 *
 * @param box The part of the source axis that becomes the target. Defaults to the whole.
 */
export function coefficients(
  from: number,
  to: number,
  method: Resample,
  box: readonly [start: number, end: number] = [0, from],
): Taps {
  const kernel = FILTERS[method as Exclude<Resample, "nearest">];
  const scale = (box[1] - box[0]) / to;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const width = Math.ceil(support) * 2 + 1;
  const taps = {
    starts: new Int32Array(to),
    counts: new Int32Array(to),
    weights: new Float64Array(to * width),
    width,
  };
  for (let out = 0; out < to; out++) {
    const center = box[0] + (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = kernel.weight((k + first - center + 0.5) * (1 / stretch));
      taps.weights[out * width + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < count && sum !== 0; k++) taps.weights[out * width + k]! /= sum;
    taps.starts[out] = first;
    taps.counts[out] = count;
  }
  return taps;
}

/** The weights times 2^bits, rounded away from zero at one half. */
export function fixedPoint(taps: Taps, bits: number): Int32Array {
  return Int32Array.from(taps.weights, (weight) => {
    const scaled = weight * 2 ** bits;
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  });
}
