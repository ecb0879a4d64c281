import type { Tensor } from "@denoise/core";
import { alphaSigma } from "./alphas.ts";
import {
  combineBatch,
  type PredictionType,
  type SignalAndNoise,
  toDenoised,
  toNoise,
} from "./conversions.ts";
import { type SigmaPlan, sigmasAt } from "./forward.ts";
import { type ClipConfig, dynamicThreshold } from "./thresholding.ts";

const f = Math.fround;

/** Signal and noise of x = α·x0 + σ·ε with λ = log(α/σ), half the logarithm of their ratio. */
export interface LogSnrLevel extends SignalAndNoise {
  /** λ, rising as noise falls; infinite without noise. */
  readonly lambda: number;
}

/**
 * The level of a sigma, in the float32 steps of the reference.
 *
 * @param sigma Noise in units of the signal; for flow the share of noise.
 * @param flow Whether α = 1 − σ instead of α² = 1 − σ².
 */
export function logSnrLevel(sigma: number, flow = false): LogSnrLevel {
  const level = alphaSigma(sigma, flow);
  return { ...level, lambda: f(f(Math.log(level.alpha)) - f(Math.log(level.sigma))) };
}

/** λ of every trained timestep, falling, in float32. */
export function trainedLambdas(alphasCumprod: Float32Array): Float32Array {
  return alphasCumprod.map((bar) =>
    f(Math.log(f(Math.sqrt(bar)))) - f(Math.log(f(Math.sqrt(f(1 - bar)))))
  );
}

/** e^x − 1 as the reference computes it in float32, where the difference loses digits. */
export function expMinusOne(x: number): number {
  return f(f(Math.exp(x)) - 1);
}

/** The part of a config that says what a model predicts and where noise stands. */
export interface OutputConfig extends ClipConfig {
  /** What the model predicts. */
  readonly prediction_type: PredictionType;
  /** Whether samples are x = (1 − σ)·x0 + σ·ε. */
  readonly use_flow_sigmas?: boolean | undefined;
  /** Learned variances come as a second half of the channels, which is left out. */
  readonly variance_type?: string | null | undefined;
}

/** Whether the model gives a variance beside its prediction; only with `epsilon` does it. */
function hasLearnedVariance(config: OutputConfig): boolean {
  const { variance_type: type, prediction_type: prediction } = config;
  return prediction === "epsilon" && (type === "learned" || type === "learned_range");
}

/** The shape of the model's output for a sample. */
export function outputDimsOf(
  config: OutputConfig,
  sampleDims: readonly number[],
): readonly number[] {
  return hasLearnedVariance(config) ? sampleDims.with(1, sampleDims[1]! * 2) : sampleDims;
}

/**
 * x0 or ε that follow from a model's output at σ, thresholded if the config asks for it.
 *
 * @param wanted What the method goes on with.
 */
export function convertOutput(
  config: OutputConfig,
  sample: Tensor,
  output: Tensor,
  sigma: number,
  wanted: "denoised" | "noise",
): Tensor {
  const { prediction_type: prediction } = config;
  const level = alphaSigma(sigma, config.use_flow_sigmas);
  const given = hasLearnedVariance(config) ? output.slice(1, 0, sample.dims[1]!) : output;
  if (wanted === "noise") {
    const noise = toNoise(prediction, sample, given, level);
    if (!config.thresholding) return noise;
    const denoised = dynamicThreshold(toDenoised("epsilon", sample, noise, level), config);
    return toNoise("sample", sample, denoised, level);
  }
  const at = prediction === "flow_prediction" ? { alpha: level.alpha, sigma } : level;
  const denoised = toDenoised(prediction, sample, given, at);
  return config.thresholding ? dynamicThreshold(denoised, config) : denoised;
}

/**
 * Clean samples with noise at timesteps of the plan: α·x0 + σ·ε.
 *
 * @param flow Whether α = 1 − σ.
 * @param index The position in the plan that counts instead of the timesteps.
 * @throws {RangeError} for a timestep that is not in the plan.
 */
export function addNoiseByLevel(
  plan: SigmaPlan,
  original: Tensor,
  noise: Tensor,
  timesteps: readonly number[],
  index?: number,
  flow = false,
): Tensor {
  const levels = sigmasAt(plan, timesteps, index).map((sigma) => alphaSigma(sigma, flow));
  return combineBatch(
    levels.map(({ alpha }) => alpha),
    original,
    levels.map(({ sigma }) => sigma),
    noise,
  );
}
