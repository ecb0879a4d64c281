/**
 * DDPM: ancestral sampling, the method that diffusion models were introduced with.
 *
 * Order 1, stochastic, one model call a step.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        β = 1 − ᾱ/ᾱ'
 *     x' = √ᾱ'·β/(1 − ᾱ)·x0 + √(1 − β)·(1 − ᾱ')/(1 − ᾱ)·x + σ·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; ᾱ: what
 * is left of the signal's variance at the timestep, ᾱ': at the next (1 after the last); σ²: the
 * variance that `variance_type` names, with `fixed_small` β·(1 − ᾱ')/(1 − ᾱ), with `fixed_large` β.
 * Learned variances come as a second half of the output's channels, [N, 2C, H, W].
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Ho et al., Denoising Diffusion Probabilistic Models, arXiv:2006.11239, algorithm 2. All options
 * of `DDPMScheduler` in diffusers are covered. `fixed_large_log`, whose deviation is not a number
 * there (a root of a logarithm), has the deviation √β of `fixed_large`.
 *
 * @example
 * ```ts
 * import { DDPMScheduler } from "@denoise/scheduler-ddpm";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DDPMScheduler({ beta_schedule: "squaredcos_cap_v2" });
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 3, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass } from "@denoise/core";
import { type DDPMConfig, ddpmDefinition, defineScheduler } from "@denoise/schedules";

export type { DDPMConfig };

/** Sampling as in training, with fresh noise at every step. */
export const DDPMScheduler: SchedulerClass<DDPMConfig> = defineScheduler(
  ddpmDefinition("DDPMScheduler"),
);

/** A scheduler made by the class {@linkcode DDPMScheduler}. */
export type DDPMScheduler = Scheduler<DDPMConfig>;
