import { fma } from "@denoise/core";

const f = Math.fround;

/**
 * The quantile of float32 numbers with linear interpolation, by the steps of `torch.quantile`: the rank
 * q·(n − 1) and its fraction are float32 too.
 *
 * @throws {RangeError} for a quantile outside 0..1.
 */
export function quantile32(values: Float32Array, q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`A quantile is from 0 to 1, but it is ${q}`);
  const sorted = values.toSorted();
  if (Number.isNaN(sorted[sorted.length - 1])) return NaN;
  const rank = f(f(q) * (sorted.length - 1));
  const below = sorted[Math.floor(rank)]!;
  const above = sorted[Math.ceil(rank)]!;
  const weight = f(rank - Math.floor(rank));
  const gap = f(above - below);
  return weight < 0.5 ? fma(weight, gap, below) : fma(f(weight - 1), gap, above);
}
