/**
 * DDPM that can also step many samples at once, each at a timestep of its own, as ParaDiGMS needs it.
 *
 * Order 1, stochastic, one model call a step.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        β = 1 − ᾱ/ᾱ'
 *     x' = √ᾱ'·β/(1 − ᾱ)·x0 + √(1 − β)·(1 − ᾱ')/(1 − ᾱ)·x + σ·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; ᾱ: what
 * is left of the signal's variance at the timestep, ᾱ': at the next (1 after the last); σ²: the
 * variance that `variance_type` names, as in `@denoise/scheduler-ddpm`.
 *
 * `step` is that of DDPM. `batchStepNoNoise` takes a timestep for each sample, each of which leads
 * ⌊trained/steps⌋ timesteps on, and leaves out σ·n.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Shih et al., Parallel Sampling of Diffusion Models, arXiv:2305.16317; Ho et al., Denoising Diffusion
 * Probabilistic Models, arXiv:2006.11239. All options of `DDPMParallelScheduler` in diffusers are
 * covered.
 *
 * @example
 * ```ts
 * import { DDPMParallelScheduler } from "@denoise/scheduler-ddpm-parallel";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DDPMParallelScheduler();
 * scheduler.setTimesteps(10);
 * const samples = Generator.manualSeed(0).randn([10, 3, 8, 8]); // a guess of the whole trajectory
 * const outputs = samples.mul(0.1); // one call of a model, with 10 timesteps
 * const means = scheduler.batchStepNoNoise(outputs, scheduler.timesteps, samples);
 * console.log(means.dims);
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass, SchedulerPlan } from "@denoise/core";
import { type DDPMConfig, ddpmDefinition, defineScheduler, stepEach } from "@denoise/schedules";

export type { DDPMConfig };

interface ParallelPlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
}

const definition = ddpmDefinition("DDPMParallelScheduler");

/** Sampling of a whole trajectory at once. */
export const DDPMParallelScheduler: SchedulerClass<DDPMConfig> = defineScheduler<
  DDPMConfig,
  ParallelPlan
>({
  ...definition,
  create(config) {
    const { num_train_timesteps: trained } = config;
    const method = definition.create(config);
    return {
      ...method,
      training: { ...method.training, stride: 1 },
      plan: (request) => ({
        ...method.plan(request),
        stride: Math.floor(trained / (request.numInferenceSteps ?? trained)),
      }),
      batchStep: ({ stride }, input) =>
        stepEach(method, input, (t) => ({ timesteps: [t, t - stride] }), trained),
    };
  },
});

/** A scheduler made by the class {@linkcode DDPMParallelScheduler}. */
export type DDPMParallelScheduler = Scheduler<DDPMConfig>;
