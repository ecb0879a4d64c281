/**
 * DDIM that can also step many samples at once, each at a timestep of its own, as ParaDiGMS needs it.
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
 * `step` is that of DDIM. `batchStepNoNoise` takes a timestep for each sample, and none of the noise:
 * `eta` has to be 0. As in diffusers it ends with ᾱ' = 1 whatever `set_alpha_to_one` says.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), a TypeError when both
 * `generator` and `varianceNoise` are given, and a RangeError for a batch with `eta`.
 *
 * Shih et al., Parallel Sampling of Diffusion Models, arXiv:2305.16317; Song et al., Denoising
 * Diffusion Implicit Models, arXiv:2010.02502. All options of `DDIMParallelScheduler` in diffusers are
 * covered.
 *
 * @example
 * ```ts
 * import { DDIMParallelScheduler } from "@denoise/scheduler-ddim-parallel";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DDIMParallelScheduler({ clip_sample: false });
 * scheduler.setTimesteps(10);
 * const samples = Generator.manualSeed(0).randn([10, 3, 8, 8]); // a guess of the whole trajectory
 * const outputs = samples.mul(0.1); // one call of a model, with 10 timesteps
 * const next = scheduler.batchStepNoNoise(outputs, scheduler.timesteps, samples);
 * console.log(next.dims);
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
  stepEach,
} from "@denoise/schedules";

export type { DDIMConfig, DDIMStepOptions };

const CLASS_NAME = "DDIMParallelScheduler";
const definition = ddimDefinition(CLASS_NAME);

/** Deterministic sampling of a whole trajectory at once. */
export const DDIMParallelScheduler: SchedulerClass<DDIMConfig, DDIMStepOptions> = defineScheduler({
  ...definition,
  create(config) {
    const toOne = definition.create({ ...config, set_alpha_to_one: true });
    return {
      ...definition.create(config),
      batchStep(plan, input) {
        const { eta = 0 } = input.options;
        if (eta !== 0) {
          throw new RangeError(
            `Cannot step a batch of ${CLASS_NAME} with eta ${eta}: it adds no noise, eta must be 0`,
          );
        }
        return stepEach(toOne, input, () => plan, config.num_train_timesteps);
      },
    };
  },
});

/** A scheduler made by the class {@linkcode DDIMParallelScheduler}. */
export type DDIMParallelScheduler = Scheduler<DDIMConfig, DDIMStepOptions>;
