/**
 * DPM-Solver++ (2M) in its stochastic form with the noise schedule of CogVideoX.
 *
 * Order 1 in the mean of its samples, one model call a step, stochastic.
 *
 *     h = λ' − λ        D = x0 + (x0 − x0₋)·h/(2·h₋)
 *     x' = √((1 − ᾱ')/(1 − ᾱ))·e^(−h)·x + √ᾱ'·(1 − e^(−2h))·D + √(1 − ᾱ')·√(1 − e^(−2h))·n
 *
 * x, x0, n: [N, F, C, H, W], any shape whose first axis is the batch; x0: the clean sample that
 * follows from the model's output, x0₋: that of the step before (the first and the last step make do
 * without); n: standard normal noise; λ = log √(ᾱ/(1 − ᾱ)); ᾱ: what is left of the signal's variance at
 * the timestep, ᾱ': at the one a stride of trained timesteps later; h₋: h of the step before.
 *
 * As in the reference, a step that uses x0₋ draws noise twice and goes by the second draw. Unlike
 * there, the scheduler remembers x0₋ and its timestep by itself, so `step` takes neither.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Lu et al., DPM-Solver++, arXiv:2211.01095, algorithm 2 (SDE); Yang et al., CogVideoX,
 * arXiv:2408.06072. All options of `CogVideoXDPMScheduler` in diffusers are covered; clipping and the
 * options of `step` do nothing there, nor here.
 *
 * @example
 * ```ts
 * import { CogVideoXDPMScheduler } from "@denoise/scheduler-dpm-cogvideox";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new CogVideoXDPMScheduler({
 *   prediction_type: "v_prediction",
 *   rescale_betas_zero_snr: true,
 *   timestep_spacing: "trailing",
 * });
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 2, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
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
export interface CogVideoXDPMStepOptions {
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

/** The step before. */
interface Earlier {
  readonly denoised: Tensor;
  readonly timestep: number;
}

/** Stochastic sampling of CogVideoX with a memory of one step. */
export const CogVideoXDPMScheduler: SchedulerClass<CogVideoXConfig, CogVideoXDPMStepOptions> =
  defineScheduler<CogVideoXConfig, CogVideoXPlan, Earlier, CogVideoXDPMStepOptions>({
    className: "CogVideoXDPMScheduler",
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    stepOptions: ["eta", "useClippedModelOutput", "varianceNoise"],
    schema: cogVideoXOptions,
    create(config) {
      const { num_train_timesteps: trained, prediction_type: prediction } = config;
      const { alphasCumprod, alphasCumprod32, finalBar, round } = cogVideoXSchedule(config);
      const lambdaOf = (bar: number): number =>
        round(Math.log(round(Math.sqrt(round(bar / round(1 - bar))))));
      return {
        training: { timesteps: trainedTimesteps(trained), stride: 1 },
        plan: (request) => ({
          timesteps: planTimesteps(config, request),
          stride: Math.floor(trained / request.numInferenceSteps!),
        }),
        step({ stride }, { timestep, sample: x, output, state, noise }) {
          const bar = alphasCumprod[timestep]!;
          const isLast = timestep < stride;
          const nextBar = isLast ? finalBar : alphasCumprod[timestep - stride]!;
          const [left, nextLeft] = [round(1 - bar), round(1 - nextBar)];
          const level = { alpha: round(Math.sqrt(bar)), sigma: round(Math.sqrt(left)) };
          const x0 = toDenoised(prediction, x, output, level);

          const h = round(lambdaOf(nextBar) - lambdaOf(bar));
          const kept = round(round(Math.sqrt(round(nextLeft / left))) * round(Math.exp(-h)));
          const pull = round(round(Math.expm1(-2 * h)) * round(Math.sqrt(nextBar)));
          const added = round(Math.sqrt(round(1 - round(Math.exp(-2 * h)))));
          const sigma = round(round(Math.sqrt(nextLeft)) * added);

          let n = noise();
          let d = x0;
          if (state !== undefined && !isLast) {
            n = noise();
            const earlier = round(lambdaOf(bar) - lambdaOf(alphasCumprod[state.timestep]!));
            const half = round(1 / round(2 * round(earlier / h)));
            d = x0.mul(round(1 + half)).sub(state.denoised.mul(half));
          }
          return {
            sample: x.mul(kept).sub(d.mul(pull)).add(n.mul(sigma)),
            denoised: x0,
            state: { denoised: x0, timestep },
          };
        },
        addNoise: (_plan, original, noise, timesteps) =>
          addNoiseByTimestep(alphasCumprod32, original, noise, timesteps),
        getVelocity: (_plan, sample, noise, timesteps) =>
          velocityByTimestep(alphasCumprod32, sample, noise, timesteps),
      };
    },
  });

/** A scheduler made by the class {@linkcode CogVideoXDPMScheduler}. */
export type CogVideoXDPMScheduler = Scheduler<CogVideoXConfig, CogVideoXDPMStepOptions>;
