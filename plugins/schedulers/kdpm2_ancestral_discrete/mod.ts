/**
 * DPM-Solver-2 with ancestral noise (A1111's "DPM2 a"): each step goes below the next noise level by
 * the midpoint method and adds fresh noise to come back up to it.
 *
 * Order 2 without its noise, stochastic, two model calls a step (one at the last), with the
 * timesteps of the midpoints between those of the steps.
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ
 *     σu² = σ'²·(σ² − σ'²)/σ²        σd² = σ'² − σu²        σ½ = √(σ·σd)
 *     x½ = x + d·(σ½ − σ)        d½ = (x½ − x½0)/σ½        x' = x + d½·(σd − σ) + σu·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; σ:
 * standard deviation of the noise in units of the data, falling to σ' and at last to 0. The model
 * is given x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules.
 *
 * Karras et al., arXiv:2206.00364; k-diffusion, `sample_dpm_2_ancestral`. All options of
 * `KDPM2AncestralDiscreteScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { KDPM2AncestralDiscreteScheduler } from "@denoise/scheduler-kdpm2-ancestral-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new KDPM2AncestralDiscreteScheduler({ use_karras_sigmas: true });
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(scheduler.timesteps.length); // 19
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass } from "@denoise/core";
import {
  ancestralSigmas,
  defineScheduler,
  logMidpoint,
  type MidpointConfig,
  midpointDefinition,
} from "@denoise/schedules";

/** Options of {@linkcode KDPM2AncestralDiscreteScheduler}, as in scheduler_config.json. */
export type KDPM2AncestralDiscreteConfig = MidpointConfig;

/** The midpoint method over log σ, with fresh noise at every step. */
export const KDPM2AncestralDiscreteScheduler: SchedulerClass<KDPM2AncestralDiscreteConfig> =
  defineScheduler(
    midpointDefinition("KDPM2AncestralDiscreteScheduler", (sigma, next) => {
      const { up, down } = ancestralSigmas(sigma, next);
      return { mid: logMidpoint(sigma, down), down, up };
    }),
  );

/** A scheduler made by the class {@linkcode KDPM2AncestralDiscreteScheduler}. */
export type KDPM2AncestralDiscreteScheduler = Scheduler<KDPM2AncestralDiscreteConfig>;
