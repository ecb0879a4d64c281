/**
 * TCD: sampling of trajectory consistency models (Hyper-SD), which jump along the trajectory and go
 * back a part of the way with fresh noise.
 *
 * One model call a step, stochastic where `eta` is above 0 (but for the last step). It solves no
 * equation step by step, so it has no order.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        s = ⌊(1 − η)·t'⌋
 *     y = √ᾱₛ·x0 + √(1 − ᾱₛ)·ε        x' = √(ᾱ'/ᾱₛ)·y + √(1 − ᾱ'/ᾱₛ)·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; ᾱ: what
 * is left of the signal's variance at the timestep, ᾱ' at the next, t', and ᾱₛ at s; y: the result
 * of the last step, where t' is 0. Timesteps are taken from the `original_inference_steps` that the
 * model was distilled on.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for more
 * steps than the model was distilled on or an `eta` outside 0..1.
 *
 * Zheng et al., Trajectory Consistency Distillation, arXiv:2402.19159, algorithm 4. All options of
 * `TCDScheduler` in diffusers are covered; clipping and thresholding do nothing there, nor here.
 *
 * @example
 * ```ts
 * import { TCDScheduler } from "@denoise/scheduler-tcd";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new TCDScheduler();
 * scheduler.setTimesteps(4);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator, eta: 0.3 }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { float, oneOf, type Scheduler, type SchedulerClass } from "@denoise/core";
import {
  addNoiseByTimestep,
  type BetaConfig,
  betaOptions,
  type ClipConfig,
  type ConsistencyConfig,
  type ConsistencyPlan,
  defineScheduler,
  makeNoiseSchedule,
  planConsistency,
  spacingOptions,
  thresholdOptions,
  toDenoised,
  toNoise,
  trainedTimesteps,
  velocityByTimestep,
} from "@denoise/schedules";

/** Options of {@linkcode TCDScheduler}, as in scheduler_config.json. */
export interface TCDConfig extends BetaConfig, ConsistencyConfig, ClipConfig {
  /** Kept for other schedulers; TCD ends at timestep 0. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
  /** Kept for other schedulers; TCD has no boundary condition. */
  readonly timestep_scaling: number;
}

/** Options of a step. */
export interface TCDStepOptions {
  /** η (γ in the paper), how far noise leads back, 0..1. Defaults to 0.3. */
  readonly eta?: number | undefined;
}

const CLASS_NAME = "TCDScheduler";
const f = Math.fround;

/** Few-step sampling of trajectory consistency models. */
export const TCDScheduler: SchedulerClass<TCDConfig, TCDStepOptions> = defineScheduler<
  TCDConfig,
  ConsistencyPlan,
  undefined,
  TCDStepOptions
>({
  className: CLASS_NAME,
  planOptions: ["timesteps", "originalInferenceSteps", "strength"],
  stepOptions: ["eta"],
  schema: {
    ...betaOptions,
    ...thresholdOptions,
    ...spacingOptions,
    beta_start: float(0.00085),
    beta_end: float(0.012),
    beta_schedule: oneOf("scaled_linear", "linear", "squaredcos_cap_v2"),
    timestep_spacing: oneOf("leading", "linspace", "trailing"),
    original_inference_steps: 50,
    clip_sample: false,
    clip_sample_range: float(1),
    set_alpha_to_one: true,
    prediction_type: oneOf("epsilon", "sample", "v_prediction"),
    timestep_scaling: float(10),
    rescale_betas_zero_snr: false,
  },
  create(config) {
    const { num_train_timesteps: trained, prediction_type: prediction } = config;
    const { alphasCumprod } = makeNoiseSchedule(config);
    return {
      training: { timesteps: trainedTimesteps(trained), last: 0 },
      plan(request) {
        const { originalInferenceSteps: original, strength = 1 } = request;
        // with the option, diffusers chooses from all trained timesteps
        const every = original === undefined
          ? undefined
          : trainedTimesteps(Math.floor(trained * (strength as number))).reverse();
        return planConsistency(CLASS_NAME, config, request, every);
      },
      step({ timesteps, last }, { index, timestep, sample: x, output, noise, options }) {
        const { eta = 0.3 } = options;
        if (!(eta >= 0 && eta <= 1)) {
          throw new RangeError(`Cannot step ${CLASS_NAME}: eta is from 0 to 1, but is ${eta}`);
        }
        const next = timesteps[index + 1] ?? 0;
        const [bar, nextBar, midBar] = [timestep, next, Math.floor(f(f(1 - eta) * next))]
          .map((t) => alphasCumprod[t]!) as [number, number, number];
        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(f(1 - bar)) };
        const x0 = toDenoised(prediction, x, output, level);
        const epsilon = toNoise(prediction, x, output, level);
        const y = x0.mul(Math.sqrt(midBar)).add(epsilon.mul(Math.sqrt(f(1 - midBar))));
        if (eta === 0 || index === last) return { sample: y, denoised: x0 };
        const kept = f(nextBar / midBar);
        const back = y.mul(Math.sqrt(kept)).add(noise().mul(Math.sqrt(f(1 - kept))));
        return { sample: back, denoised: x0 };
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
      getVelocity: (_plan, sample, noise, timesteps) =>
        velocityByTimestep(alphasCumprod, sample, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode TCDScheduler}. */
export type TCDScheduler = Scheduler<TCDConfig, TCDStepOptions>;
