/**
 * DPM-Solver-2 over the noise level (A1111's "DPM2"): the midpoint method, with the midpoint taken
 * between the logarithms of the sigmas.
 *
 * Order 2, two model calls a step (one at the last), with the timesteps of the midpoints between
 * those of the steps.
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ        σ½ = √(σ·σ')
 *     x½ = x + d·(σ½ − σ)        d½ = (x½ − x½0)/σ½        x' = x + d½·(σ' − σ)
 *
 * x, ε: [N, C, H, W], any shape; σ: standard deviation of the noise in units of the data, falling
 * to σ' and at last to 0. The model is given x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules.
 *
 * Karras et al., arXiv:2206.00364, algorithm 2 without its noise; k-diffusion, `sample_dpm_2`. All
 * options of `KDPM2DiscreteScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { KDPM2DiscreteScheduler } from "@denoise/scheduler-kdpm2-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new KDPM2DiscreteScheduler({ use_karras_sigmas: true });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(scheduler.timesteps.length); // 19
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass } from "@denoise/core";
import {
  defineScheduler,
  logMidpoint,
  type MidpointConfig,
  midpointDefinition,
} from "@denoise/schedules";

/** Options of {@linkcode KDPM2DiscreteScheduler}, as in scheduler_config.json. */
export type KDPM2DiscreteConfig = MidpointConfig;

/** The midpoint method over log σ. */
export const KDPM2DiscreteScheduler: SchedulerClass<KDPM2DiscreteConfig> = defineScheduler(
  midpointDefinition(
    "KDPM2DiscreteScheduler",
    (sigma, next) => ({ mid: logMidpoint(next, sigma), down: next }),
  ),
);

/** A scheduler made by the class {@linkcode KDPM2DiscreteScheduler}. */
export type KDPM2DiscreteScheduler = Scheduler<KDPM2DiscreteConfig>;
