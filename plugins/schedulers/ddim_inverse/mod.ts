/**
 * DDIM run backwards: from an image to the noise that DDIM would make it from, for editing.
 *
 * Order 1, one model call a step; timesteps rise.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        x' = √ᾱ'·x0 + √(1 − ᾱ')·ε
 *
 * x, ε: [N, C, H, W], any shape; ᾱ': what is left of the signal's variance at the timestep that the
 * model is given, ᾱ: ⌊trained/steps⌋ timesteps before, where x is (before the first: 1, or ᾱ of
 * timestep 0 without `set_alpha_to_one`).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Song et al., arXiv:2010.02502, section 4.3; Mokady et al., Null-text Inversion, arXiv:2211.09794.
 * All options of `DDIMInverseScheduler` in diffusers are covered, and the key `set_alpha_to_zero` of
 * old files.
 *
 * @example
 * ```ts
 * import { DDIMInverseScheduler } from "@denoise/scheduler-ddim-inverse";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DDIMInverseScheduler({ clip_sample: false });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 3, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(scheduler.timesteps[0]); // 0
 * ```
 *
 * @module
 */
import {
  configValue,
  float,
  oneOf,
  type Scheduler,
  type SchedulerClass,
  type SchedulerPlan,
} from "@denoise/core";
import {
  type BetaConfig,
  betaOptions,
  type ClipConfig,
  clipDenoised,
  defineScheduler,
  makeNoiseSchedule,
  planTimesteps,
  type SpacingConfig,
  spacingOptions,
  toDenoised,
  toNoise,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode DDIMInverseScheduler}, as in scheduler_config.json. */
export interface DDIMInverseConfig
  extends BetaConfig, SpacingConfig, Pick<ClipConfig, "clip_sample" | "clip_sample_range"> {
  /** How timesteps are spread over the trained ones. */
  readonly timestep_spacing: "leading" | "trailing";
  /** Whether ᾱ is 1 before the first step; that of timestep 0 otherwise. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
}

interface DDIMInversePlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
}

const f = Math.fround;

/** From data to noise, along the path of DDIM. */
export const DDIMInverseScheduler: SchedulerClass<DDIMInverseConfig> = defineScheduler<
  DDIMInverseConfig,
  DDIMInversePlan
>({
  className: "DDIMInverseScheduler",
  cursor: "timestep",
  foreignOptions: ["set_alpha_to_zero"],
  schema: {
    ...betaOptions,
    ...spacingOptions,
    timestep_spacing: oneOf("leading", "trailing"),
    clip_sample: true,
    set_alpha_to_one: true,
    prediction_type: oneOf("epsilon", "sample", "v_prediction"),
    clip_sample_range: float(1),
    rescale_betas_zero_snr: false,
  },
  create(config) {
    const { num_train_timesteps: trained, prediction_type: prediction } = config;
    const { alphasCumprod } = makeNoiseSchedule(config);
    const startsAtOne = configValue(config, "set_alpha_to_zero") ?? config.set_alpha_to_one;
    const firstBar = startsAtOne ? 1 : alphasCumprod[0]!;
    return {
      training: { timesteps: trainedTimesteps(trained).reverse(), stride: 1 },
      plan: (request) => ({
        timesteps: planTimesteps(config, request).reverse(),
        stride: Math.floor(trained / request.numInferenceSteps!),
      }),
      step({ stride }, { timestep, sample: x, output }) {
        const bar = timestep < stride ? firstBar : alphasCumprod[timestep - stride]!;
        const nextBar = alphasCumprod[timestep]!;
        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(f(1 - bar)) };
        const x0 = clipDenoised(toDenoised(prediction, x, output, level), config);
        const epsilon = toNoise(prediction, x, output, level);
        const next = x0.mul(Math.sqrt(nextBar)).add(epsilon.mul(Math.sqrt(f(1 - nextBar))));
        return { sample: next, denoised: x0 };
      },
    };
  },
});

/** A scheduler made by the class {@linkcode DDIMInverseScheduler}. */
export type DDIMInverseScheduler = Scheduler<DDIMInverseConfig>;
