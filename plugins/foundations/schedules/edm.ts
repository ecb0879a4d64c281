import { type ConfigSchema, float, oneOf, type Tensor } from "@denoise/core";
import { toFloat32 } from "./math.ts";
import type { LogSnrLevel } from "./log_snr.ts";
import { exponentialSigmas32 } from "./sigmas.ts";

const f = Math.fround;

/** The part of a config that shapes the sigmas of Karras et al.'s own formulation (EDM). */
export interface EDMConfig {
  /** The smallest sigma. */
  readonly sigma_min: number;
  /** The largest sigma. */
  readonly sigma_max: number;
  /** Standard deviation of the data. */
  readonly sigma_data: number;
  /** How sigmas fall. */
  readonly sigma_schedule: "karras" | "exponential";
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** What the model predicts. */
  readonly prediction_type: "epsilon" | "v_prediction";
  /** Curvature of the karras schedule. */
  readonly rho: number;
}

/** The options of EDM, with the defaults of its Euler method. */
export const edmOptions: ConfigSchema<EDMConfig> = {
  sigma_min: float(0.002),
  sigma_max: float(80),
  sigma_data: float(0.5),
  sigma_schedule: oneOf("karras", "exponential"),
  num_train_timesteps: 1000,
  prediction_type: oneOf("epsilon", "v_prediction"),
  rho: float(7),
};

/**
 * Falling sigmas as float32 (arXiv:2206.00364, equation 5, or with equal steps of log σ).
 *
 * @param ramp Rising from 0 to 1; exponential sigmas take only the number of its values.
 * @param round What the reference rounds at every operation with. Defaults to float64.
 */
export function edmSigmas(
  config: EDMConfig,
  ramp: ArrayLike<number>,
  round: (x: number) => number = (x) => x,
): number[] {
  const { sigma_min: min, sigma_max: max, rho } = config;
  if (config.sigma_schedule === "exponential") {
    return exponentialSigmas32(ramp.length, { min, max });
  }
  const [high, low] = [max ** (1 / rho), min ** (1 / rho)];
  const slope = round(low - high);
  return toFloat32(
    Array.from(ramp, (x) => round(round(high) + round(x * slope)) ** rho),
  );
}

/** What the model is given: x/√(σ² + σd²), of variance about 1. */
export function edmInput(sample: Tensor, sigma: number, sigmaData: number): Tensor {
  return sample.mul(f(1 / f(Math.sqrt(f(f(sigma * sigma) + f(sigmaData ** 2))))));
}

/** The timestep that a model of EDM is given: log(σ)/4, in float32. */
export function edmTimestep(sigma: number): number {
  return f(0.25 * f(Math.log(sigma)));
}

/**
 * x0 that follows from a prediction: σd²/(σ² + σd²)·x ± σ·σd/√(σ² + σd²)·F, with − for
 * `v_prediction` (arXiv:2206.00364, table 1).
 */
export function edmDenoised(
  config: Pick<EDMConfig, "prediction_type" | "sigma_data">,
  sample: Tensor,
  output: Tensor,
  sigma: number,
): Tensor {
  const data = config.sigma_data;
  const square = f(f(sigma * sigma) + f(data ** 2));
  const sign = config.prediction_type === "epsilon" ? 1 : -1;
  const scale = f(f(f(sign * sigma) * f(data)) / f(Math.sqrt(square)));
  return sample.mul(f(f(data ** 2) / square)).add(output.mul(scale));
}

/** The level of a sample x = x0 + σ·ε, whose signal is not scaled: λ = −log σ. */
export function edmLevel(sigma: number): LogSnrLevel {
  return { alpha: 1, sigma, lambda: -f(Math.log(sigma)) };
}
