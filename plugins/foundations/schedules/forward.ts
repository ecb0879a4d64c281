import type { SchedulerPlan, Tensor } from "@denoise/core";
import { combineBatch, perSample } from "./conversions.ts";
import { indexForTimestep } from "./timesteps.ts";

const f = Math.fround;

/** ᾱ of each timestep. */
function barsAt(alphasCumprod: Float32Array, timesteps: readonly number[]): number[] {
  return timesteps.map((t) => {
    const bar = alphasCumprod[t];
    if (bar !== undefined) return bar;
    throw new RangeError(
      `Timestep ${t} was not trained: timesteps are integers from 0 to ${alphasCumprod.length - 1}`,
    );
  });
}

/**
 * Clean samples with noise at trained timesteps: √ᾱ·x0 + √(1 − ᾱ)·ε (DDPM, arXiv:2006.11239,
 * equation 4).
 *
 * @param alphasCumprod ᾱ of every trained timestep.
 * @param original x0, [N, ...].
 * @param noise ε, the same shape.
 * @param timesteps One for each sample, or one for all.
 * @throws {RangeError} for a timestep that was not trained.
 */
export function addNoiseByTimestep(
  alphasCumprod: Float32Array,
  original: Tensor,
  noise: Tensor,
  timesteps: readonly number[],
): Tensor {
  const bars = barsAt(alphasCumprod, timesteps);
  return combineBatch(
    bars.map(Math.sqrt),
    original,
    bars.map((bar) => Math.sqrt(f(1 - bar))),
    noise,
  );
}

/**
 * The velocity √ᾱ·ε − √(1 − ᾱ)·x that a v-prediction model is trained towards (arXiv:2202.00512,
 * appendix D); parameters and errors as {@linkcode addNoiseByTimestep}.
 */
export function velocityByTimestep(
  alphasCumprod: Float32Array,
  sample: Tensor,
  noise: Tensor,
  timesteps: readonly number[],
): Tensor {
  const bars = barsAt(alphasCumprod, timesteps);
  return combineBatch(
    bars.map(Math.sqrt),
    noise,
    bars.map((bar) => -Math.sqrt(f(1 - bar))),
    sample,
  );
}

/** A plan that tells the noise at each timestep. */
export interface SigmaPlan extends SchedulerPlan {
  /** σ at each timestep, and often one more. */
  readonly sigmas: readonly number[];
}

/** σ of each timestep of a plan, or of the one at `index` for all of them. */
export function sigmasAt(
  plan: SigmaPlan,
  timesteps: readonly number[],
  index?: number,
): number[] {
  return timesteps.map((t) => plan.sigmas[index ?? indexForTimestep(plan.timesteps, t)]!);
}

/**
 * Clean samples with noise at timesteps of the plan: x0 + σ·ε.
 *
 * @param index The position in the plan that counts instead of the timesteps.
 * @throws {RangeError} for a timestep that is not in the plan.
 */
export function addNoiseBySigma(
  plan: SigmaPlan,
  original: Tensor,
  noise: Tensor,
  timesteps: readonly number[],
  index?: number,
): Tensor {
  return original.add(noise.mul(perSample(sigmasAt(plan, timesteps, index), original)));
}

/** The sample as a model for x0 + σ·ε wants it: x/√(σ² + 1), of variance about 1. */
export function scaleBySigma(sample: Tensor, sigma: number): Tensor {
  return sample.div(Math.sqrt(f(f(sigma * sigma) + 1)));
}

/**
 * Standard deviation of the first noise for samples x0 + σ·ε: the largest σ, or √(σ² + 1) with
 * `leading` spacing, which does not begin at pure noise.
 */
export function firstNoiseSigma(sigmas: readonly number[], spacing: string): number {
  const most = f(Math.max(...sigmas));
  return spacing === "leading" ? f(Math.sqrt(f(f(most * most) + 1))) : most;
}

/**
 * Where an ancestral step from σ to σ' goes: down to `down` along the flow, then back up by fresh
 * noise of standard deviation `up`, with down² + up² = σ'².
 */
export function ancestralSigmas(sigma: number, next: number): { up: number; down: number } {
  const square = (x: number): number => f(x * x);
  const upSquare = f(f(square(next) * f(square(sigma) - square(next))) / square(sigma));
  const up = f(Math.sqrt(upSquare));
  return { up, down: f(Math.sqrt(f(square(next) - square(up)))) };
}

/** The sigma halfway between the logarithms of two, in float32; 0 when one of them is 0. */
export function logMidpoint(from: number, to: number): number {
  if (from === 0 || to === 0) return 0;
  const [a, b] = [f(Math.log(from)), f(Math.log(to))];
  return f(Math.exp(f(b - f(f(b - a) * 0.5))));
}
