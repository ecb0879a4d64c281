/**
 * DDIM: the deterministic counterpart of DDPM, which needs far fewer steps.
 *
 * Order 1, one model call a step; stochastic where `eta` is above 0.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        σ = η·√((1 − ᾱ')/(1 − ᾱ)·(1 − ᾱ/ᾱ'))
 *     x' = √ᾱ'·x0 + √(1 − ᾱ' − σ²)·ε + σ·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; ᾱ: what
 * is left of the signal's variance at the timestep, ᾱ': ⌊trained/steps⌋ timesteps later (after the
 * last: 1, or ᾱ of timestep 0 without `set_alpha_to_one`); η: 0 for DDIM, 1 for the noise of DDPM.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a TypeError when both
 * `generator` and `varianceNoise` are given.
 *
 * Song et al., Denoising Diffusion Implicit Models, arXiv:2010.02502, equation 12. All options of
 * `DDIMScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { DDIMScheduler } from "@denoise/scheduler-ddim";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DDIMScheduler({ clip_sample: false });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 3, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { eta: 0 }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass } from "@denoise/core";
import {
  type DDIMConfig,
  ddimDefinition,
  type DDIMStepOptions,
  defineScheduler,
} from "@denoise/schedules";

export type { DDIMConfig, DDIMStepOptions };

/** Deterministic sampling with few steps. */
export const DDIMScheduler: SchedulerClass<DDIMConfig, DDIMStepOptions> = defineScheduler(
  ddimDefinition("DDIMScheduler"),
);

/** A scheduler made by the class {@linkcode DDIMScheduler}. */
export type DDIMScheduler = Scheduler<DDIMConfig, DDIMStepOptions>;
