import { linspace, linspace32 } from "./math.ts";
import { betaQuantile } from "./beta_quantile.ts";

/** The range of a sigma schedule. */
export interface SigmaRange {
  /** The smallest sigma. */
  readonly min: number;
  /** The largest sigma. */
  readonly max: number;
}

/** Range and curvature of the Karras schedule. */
export interface KarrasOptions extends SigmaRange {
  /** Curvature. Defaults to 7. */
  readonly rho?: number | undefined;
}

/** Range and shape of the beta schedule. */
export interface BetaSigmaOptions extends SigmaRange {
  /** First parameter of the beta distribution. Defaults to 0.6. */
  readonly alpha?: number | undefined;
  /** Second parameter of the beta distribution. Defaults to 0.6. */
  readonly beta?: number | undefined;
}

/**
 * Falling sigmas σᵢ = (σmax^(1/ρ) + i/(n−1)·(σmin^(1/ρ) − σmax^(1/ρ)))^ρ of Karras et al.
 * (arXiv:2206.00364, equation 5), in float64.
 */
export function karrasSigmas(count: number, { min, max, rho = 7 }: KarrasOptions): number[] {
  const high = max ** (1 / rho);
  const low = min ** (1 / rho);
  return linspace(0, 1, count).map((ramp) => (high + ramp * (low - high)) ** rho);
}

/** Falling sigmas with equal steps between their logarithms, in float64. */
export function exponentialSigmas(count: number, { min, max }: SigmaRange): number[] {
  return linspace(Math.log(max), Math.log(min), count).map(Math.exp);
}

/** The same in float32, as the reference's EDM and score SDE schedulers compute it. */
export function exponentialSigmas32(count: number, { min, max }: SigmaRange): number[] {
  return Array.from(linspace32(Math.log(min), Math.log(max), count).map(Math.exp)).reverse();
}

/**
 * Falling sigmas at the quantiles of a beta distribution (arXiv:2407.12173), in float64: many at
 * both ends, few in the middle.
 */
export function betaSigmas(
  count: number,
  { min, max, alpha = 0.6, beta = 0.6 }: BetaSigmaOptions,
): number[] {
  return linspace(0, 1, count).map((ramp) =>
    min + betaQuantile(1 - ramp, alpha, beta) * (max - min)
  );
}

/**
 * Falling sigmas with equal steps of λ = log σ (Lu et al., arXiv:2206.00927).
 *
 * @param lambdas Logarithms of the trained sigmas, rising.
 */
export function luSigmas(count: number, lambdas: ArrayLike<number>): number[] {
  const low = lambdas[0]!;
  const high = lambdas[lambdas.length - 1]!;
  return linspace(0, 1, count).map((ramp) => Math.exp(high + ramp * (low - high)));
}

/** Logarithms in float32. */
export function logSigmasOf(sigmas: ArrayLike<number>): Float32Array {
  return Float32Array.from(sigmas, Math.log);
}

/**
 * The fractional timestep of a sigma, interpolated between the logarithms of the trained sigmas.
 *
 * @param logSigmas Logarithms of the trained sigmas as float32, rising with the timestep.
 * @param precision `"float32"` when the reference's sigma is a float32 number.
 */
export function sigmaToTimestep(
  sigma: number,
  logSigmas: Float32Array,
  precision: "float64" | "float32" = "float64",
): number {
  const round = precision === "float32" ? Math.fround : (x: number): number => x;
  const logSigma = round(Math.log(Math.max(sigma, 1e-10)));
  const low = Math.min(lastNotAbove(logSigmas, logSigma), logSigmas.length - 2);
  const high = low + 1;
  const gap = Math.fround(logSigmas[low]! - logSigmas[high]!);
  const share = round(round(logSigmas[low]! - logSigma) / gap);
  const w = Math.min(1, Math.max(0, share));
  return round(1 - w) * low + w * high;
}

/** The last place of a number that is not above x; 0 when there is none. */
function lastNotAbove(values: Float32Array, x: number): number {
  for (let i = values.length - 1; i > 0; i--) if (values[i]! <= x) return i;
  return 0;
}
