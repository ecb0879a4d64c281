/**
 * DDIM with the noise schedule of CogVideoX, whose noise is shifted towards earlier timesteps.
 *
 * Order 1, one model call a step; deterministic.
 *
 *     a = √((1 − ᾱ')/(1 − ᾱ))        x' = a·x + (√ᾱ' − √ᾱ·a)·x0
 *
 * x, x0: [N, F, C, H, W], any shape whose first axis is the batch; x0: the clean sample that follows
 * from the model's output; ᾱ: what is left of the signal's variance at the timestep, ᾱ': at the one a
 * stride of trained timesteps later.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Song et al., Denoising Diffusion Implicit Models, arXiv:2010.02502; Yang et al., CogVideoX,
 * arXiv:2408.06072. All options of `CogVideoXDDIMScheduler` in diffusers are covered; clipping and the
 * options of `step` do nothing there, nor here.
 *
 * @example
 * ```ts
 * import { CogVideoXDDIMScheduler } from "@denoise/scheduler-ddim-cogvideox";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new CogVideoXDDIMScheduler({
 *   prediction_type: "v_prediction",
 *   rescale_betas_zero_snr: true,
 *   timestep_spacing: "trailing",
 * });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 2, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass, SchedulerPlan, Tensor } from "@denoise/core";
import {
  addNoiseByTimestep,
  type CogVideoXConfig,
  cogVideoXOptions,
  cogVideoXSchedule,
  defineScheduler,
  KARRAS_DIFFUSION_SCHEDULERS,
  planTimesteps,
  toDenoised,
  trainedTimesteps,
  velocityByTimestep,
} from "@denoise/schedules";

/** Options of a step, which DDIM knows and this class ignores. */
export interface CogVideoXDDIMStepOptions {
  /** Without effect. */
  readonly eta?: number | undefined;
  /** Without effect. */
  readonly useClippedModelOutput?: boolean | undefined;
  /** Without effect. */
  readonly varianceNoise?: Tensor | undefined;
}

interface CogVideoXPlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
}

/** Deterministic sampling of CogVideoX. */
export const CogVideoXDDIMScheduler: SchedulerClass<CogVideoXConfig, CogVideoXDDIMStepOptions> =
  defineScheduler<CogVideoXConfig, CogVideoXPlan, undefined, CogVideoXDDIMStepOptions>({
    className: "CogVideoXDDIMScheduler",
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    cursor: "timestep",
    stepOptions: ["eta", "useClippedModelOutput", "varianceNoise"],
    schema: cogVideoXOptions,
    create(config) {
      const { num_train_timesteps: trained, prediction_type: prediction } = config;
      const { alphasCumprod, alphasCumprod32, finalBar, round } = cogVideoXSchedule(config);
      return {
        training: { timesteps: trainedTimesteps(trained), stride: 1 },
        plan: (request) => ({
          timesteps: planTimesteps(config, request),
          stride: Math.floor(trained / request.numInferenceSteps!),
        }),
        step({ stride }, { timestep, sample: x, output }) {
          const bar = alphasCumprod[timestep]!;
          const nextBar = timestep < stride ? finalBar : alphasCumprod[timestep - stride]!;
          const [left, nextLeft] = [round(1 - bar), round(1 - nextBar)];
          const level = { alpha: round(Math.sqrt(bar)), sigma: round(Math.sqrt(left)) };
          const x0 = toDenoised(prediction, x, output, level);
          const a = round(Math.sqrt(round(nextLeft / left)));
          const b = round(round(Math.sqrt(nextBar)) - round(level.alpha * a));
          return { sample: x.mul(a).add(x0.mul(b)), denoised: x0 };
        },
        addNoise: (_plan, original, noise, timesteps) =>
          addNoiseByTimestep(alphasCumprod32, original, noise, timesteps),
        getVelocity: (_plan, sample, noise, timesteps) =>
          velocityByTimestep(alphasCumprod32, sample, noise, timesteps),
      };
    },
  });

/** A scheduler made by the class {@linkcode CogVideoXDDIMScheduler}. */
export type CogVideoXDDIMScheduler = Scheduler<CogVideoXConfig, CogVideoXDDIMStepOptions>;
