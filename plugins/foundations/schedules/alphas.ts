import { cumprod32, searchSorted } from "./math.ts";
import { type BetaConfig, type BetaScheduleName, makeBetas } from "./betas.ts";

const f = Math.fround;

/**
 * The noise of every trained timestep t, as float32 tables of `num_train_timesteps` numbers:
 *
 *     x(t) = √ᾱ·x0 + √(1 − ᾱ)·ε        σ = √((1 − ᾱ)/ᾱ)
 */
export interface NoiseSchedule {
  /** β: variance of the noise that the timestep adds. */
  readonly betas: Float32Array;
  /** α = 1 − β. */
  readonly alphas: Float32Array;
  /** ᾱ: running product of α. */
  readonly alphasCumprod: Float32Array;
  /** σ: noise in units of the signal, rising with t. */
  readonly sigmas: Float32Array;
}

/** Options of {@linkcode makeNoiseSchedule}. */
export interface NoiseScheduleOptions {
  /**
   * What ᾱ of the last timestep becomes instead of 0 with `rescale_betas_zero_snr`; 2^-24 in
   * schedulers that divide by it (Euler, DPM-Solver, UniPC).
   */
  readonly lastAlphaCumprod?: number | undefined;
}

/** The noise schedule of a scheduler's config, equal to the reference's tensors bit for bit. */
export function makeNoiseSchedule(
  config: BetaConfig<BetaScheduleName>,
  options: NoiseScheduleOptions = {},
): NoiseSchedule {
  const betas = makeBetas(config);
  const alphas = betas.map((beta) => 1 - beta);
  const alphasCumprod = cumprod32(alphas);
  if (config.rescale_betas_zero_snr && options.lastAlphaCumprod !== undefined) {
    alphasCumprod[alphasCumprod.length - 1] = options.lastAlphaCumprod;
  }
  return { betas, alphas, alphasCumprod, sigmas: sigmasOf(alphasCumprod) };
}

/** σ = √((1 − ᾱ)/ᾱ) of each ᾱ, in float32. */
function sigmasOf(alphasCumprod: Float32Array): Float32Array {
  return alphasCumprod.map((bar) => Math.sqrt(f(f(1 - bar) / bar)));
}

/**
 * α and σ of a sample x = α·x0 + σ·ε, in float32.
 *
 * @param sigma The noise in units of the signal; for flow the share of noise itself.
 */
export function alphaSigma(sigma: number, flow = false): { alpha: number; sigma: number } {
  const s = f(sigma);
  if (flow) return { alpha: f(1 - s), sigma: s };
  const alpha = f(1 / f(Math.sqrt(f(f(s * s) + 1))));
  return { alpha, sigma: f(s * alpha) };
}

/** λ = log(α/σ) of each ᾱ, half the logarithm of the signal-to-noise ratio, in float32. */
export function lambdasOf(alphasCumprod: Float32Array): Float32Array {
  return alphasCumprod.map((bar) => {
    const [alpha, sigma] = [f(Math.sqrt(bar)), f(Math.sqrt(f(1 - bar)))];
    return f(Math.log(alpha)) - f(Math.log(sigma));
  });
}

/**
 * How many of the trained timesteps have a λ above the given one, counted from the cleanest
 * (`lambda_min_clipped` of the DPM-Solver family; all for -Infinity).
 */
export function countAboveLambda(alphasCumprod: Float32Array, lambdaMin: number): number {
  return alphasCumprod.length - searchSorted(lambdasOf(alphasCumprod).reverse(), lambdaMin);
}
