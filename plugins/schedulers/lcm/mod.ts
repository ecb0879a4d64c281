/**
 * LCM: sampling of latent consistency models, which say x0 at once and need 1 to 8 steps.
 *
 * One model call a step, stochastic but for the last step. It solves no equation step by step, so
 * it has no order.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        s = 10·t (`timestep_scaling`)
 *     y = s/√(s² + ¼)·x0 + ¼/(s² + ¼)·x        x' = √ᾱ'·y + √(1 − ᾱ')·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; t: the
 * timestep; ᾱ: what is left of the signal's variance there, ᾱ': at the next timestep; y: the
 * consistency function, which is the result of the last step. Timesteps are taken from the
 * `original_inference_steps` that the model was distilled on.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for more
 * steps than the model was distilled on.
 *
 * Luo et al., Latent Consistency Models, arXiv:2310.04378, algorithm 3. All options of
 * `LCMScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { LCMScheduler } from "@denoise/scheduler-lcm";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new LCMScheduler();
 * scheduler.setTimesteps(4);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(scheduler.timesteps); // [999, 759, 499, 259]
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
  clipDenoised,
  type ConsistencyConfig,
  type ConsistencyPlan,
  defineScheduler,
  makeNoiseSchedule,
  planConsistency,
  spacingOptions,
  thresholdOptions,
  toDenoised,
  trainedTimesteps,
  velocityByTimestep,
} from "@denoise/schedules";

/** Options of {@linkcode LCMScheduler}, as in scheduler_config.json. */
export interface LCMConfig extends BetaConfig, ConsistencyConfig, ClipConfig {
  /** Kept for other schedulers; the last step of LCM needs no ᾱ. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
  /** What timesteps are multiplied with in the boundary condition. */
  readonly timestep_scaling: number;
}

const f = Math.fround;
/** σ²(data) of the boundary condition. */
const DATA_VARIANCE = 0.25;

/** Few-step sampling of consistency models. */
export const LCMScheduler: SchedulerClass<LCMConfig> = defineScheduler<LCMConfig, ConsistencyPlan>({
  className: "LCMScheduler",
  planOptions: ["timesteps", "originalInferenceSteps", "strength"],
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
    const { alphasCumprod } = makeNoiseSchedule(config);
    return {
      training: { timesteps: trainedTimesteps(config.num_train_timesteps), last: 0 },
      plan: (request) => planConsistency("LCMScheduler", config, request),
      step({ timesteps, last }, { index, timestep, sample: x, output, noise }) {
        const bar = alphasCumprod[timestep]!;
        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(f(1 - bar)) };
        const x0 = clipDenoised(toDenoised(config.prediction_type, x, output, level), config);

        const scaled = f(timestep * config.timestep_scaling);
        const square = f(f(scaled * scaled) + DATA_VARIANCE);
        const denoised = x0.mul(f(scaled / f(Math.sqrt(square))))
          .add(x.mul(f(DATA_VARIANCE / square)));
        if (index === last) return { sample: denoised, denoised };
        const nextBar = alphasCumprod[timesteps[index + 1] ?? timestep]!;
        const next = denoised.mul(Math.sqrt(nextBar)).add(noise().mul(Math.sqrt(f(1 - nextBar))));
        return { sample: next, denoised };
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
      getVelocity: (_plan, sample, noise, timesteps) =>
        velocityByTimestep(alphasCumprod, sample, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode LCMScheduler}. */
export type LCMScheduler = Scheduler<LCMConfig>;
