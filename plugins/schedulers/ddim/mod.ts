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
import {
  addNoiseByTimestep,
  type BetaConfig,
  type ClipConfig,
  clipDenoised,
  defineScheduler,
  KARRAS_DIFFUSION_SCHEDULERS,
  makeNoiseSchedule,
  planTimesteps,
  type Scheduler,
  type SchedulerClass,
  type SchedulerPlan,
  type SpacingConfig,
  type StepOptions,
  type Tensor,
  toDenoised,
  toNoise,
  trainedTimesteps,
  velocityByTimestep,
} from "@denoise/core";

/** Options of {@linkcode DDIMScheduler}, as in scheduler_config.json. */
export interface DDIMConfig extends BetaConfig, SpacingConfig, ClipConfig {
  /** Whether ᾱ is 1 after the last step; that of timestep 0 otherwise. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: string;
}

/** Options of a step. */
export interface DDIMStepOptions extends StepOptions {
  /** η, the share of DDPM's noise that is added; 0 unless given. */
  readonly eta?: number | undefined;
  /** Whether ε is worked out again from the clipped x0; false unless given. */
  readonly useClippedModelOutput?: boolean | undefined;
  /** n, in place of noise from the generator. */
  readonly varianceNoise?: Tensor | undefined;
}

interface DDIMPlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
}

const f = Math.fround;

/** Deterministic sampling with few steps. */
export const DDIMScheduler: SchedulerClass<DDIMConfig, DDIMStepOptions> = defineScheduler<
  DDIMConfig,
  DDIMPlan,
  undefined,
  DDIMStepOptions
>({
  className: "DDIMScheduler",
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  cursor: "timestep",
  stepOptions: ["eta", "useClippedModelOutput", "varianceNoise"],
  schema: {
    defaults: {
      num_train_timesteps: 1000,
      beta_start: 0.0001,
      beta_end: 0.02,
      beta_schedule: "linear",
      trained_betas: null,
      clip_sample: true,
      set_alpha_to_one: true,
      steps_offset: 0,
      prediction_type: "epsilon",
      thresholding: false,
      dynamic_thresholding_ratio: 0.995,
      clip_sample_range: 1,
      sample_max_value: 1,
      timestep_spacing: "leading",
      rescale_betas_zero_snr: false,
    },
    types: { trained_betas: "number[]" },
    choices: {
      beta_schedule: ["linear", "scaled_linear", "squaredcos_cap_v2"],
      prediction_type: ["epsilon", "sample", "v_prediction"],
      timestep_spacing: ["leading", "trailing", "linspace"],
    },
    floats: [
      "beta_start",
      "beta_end",
      "dynamic_thresholding_ratio",
      "clip_sample_range",
      "sample_max_value",
    ],
  },
  create(config) {
    const { num_train_timesteps: trained, prediction_type: prediction } = config;
    const { alphasCumprod } = makeNoiseSchedule(config);
    const finalBar = config.set_alpha_to_one ? 1 : alphasCumprod[0]!;
    return {
      training: { timesteps: trainedTimesteps(trained), stride: 1 },
      plan: (request) => ({
        timesteps: planTimesteps(config, request),
        stride: Math.floor(trained / request.numInferenceSteps!),
      }),
      step({ stride }, { timestep, sample: x, output, noise, options }) {
        const { eta = 0, useClippedModelOutput = false, varianceNoise, generator } = options;
        if (varianceNoise !== undefined && generator !== undefined) {
          throw new TypeError(
            "Cannot step DDIMScheduler: give either generator or varianceNoise, not both",
          );
        }
        const bar = alphasCumprod[timestep]!;
        const nextBar = timestep < stride ? finalBar : alphasCumprod[timestep - stride]!;
        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(f(1 - bar)) };
        const variance = f(f(f(1 - nextBar) / f(1 - bar)) * f(1 - f(bar / nextBar)));
        const sigma = f(eta * f(Math.sqrt(variance)));

        const x0 = clipDenoised(toDenoised(prediction, x, output, level), config);
        const epsilon = useClippedModelOutput
          ? toNoise("sample", x, x0, level)
          : toNoise(prediction, x, output, level);
        // 0 for η = 1 from ᾱ = 0, which rounding can make negative
        const rest = Math.max(0, f(f(1 - nextBar) - f(sigma * sigma)));
        const direction = epsilon.mul(Math.sqrt(rest));
        const mean = x0.mul(Math.sqrt(nextBar)).add(direction);
        if (eta <= 0) return { sample: mean, denoised: x0 };
        return { sample: mean.add((varianceNoise ?? noise()).mul(sigma)), denoised: x0 };
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
      getVelocity: (_plan, sample, noise, timesteps) =>
        velocityByTimestep(alphasCumprod, sample, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode DDIMScheduler}. */
export type DDIMScheduler = Scheduler<DDIMConfig, DDIMStepOptions>;
