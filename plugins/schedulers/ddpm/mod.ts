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
  type SpacingConfig,
  type Tensor,
  toDenoised,
  trainedTimesteps,
  velocityByTimestep,
} from "@denoise/core";

/** Options of {@linkcode DDPMScheduler}, as in scheduler_config.json. */
export interface DDPMConfig extends BetaConfig, SpacingConfig, ClipConfig {
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: string;
  /** The variance of the noise that a step adds. */
  readonly variance_type: string;
}

const f = Math.fround;

/** Sampling as in training, with fresh noise at every step. */
export const DDPMScheduler: SchedulerClass<DDPMConfig> = defineScheduler<DDPMConfig>({
  className: "DDPMScheduler",
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  cursor: "timestep",
  stepsUnplanned: true,
  planOptions: ["timesteps"],
  schema: {
    defaults: {
      num_train_timesteps: 1000,
      beta_start: 0.0001,
      beta_end: 0.02,
      beta_schedule: "linear",
      trained_betas: null,
      variance_type: "fixed_small",
      clip_sample: true,
      prediction_type: "epsilon",
      thresholding: false,
      dynamic_thresholding_ratio: 0.995,
      clip_sample_range: 1,
      sample_max_value: 1,
      timestep_spacing: "leading",
      steps_offset: 0,
      rescale_betas_zero_snr: false,
    },
    types: { trained_betas: "number[]" },
    choices: {
      beta_schedule: ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace"],
      variance_type: [
        "fixed_small",
        "fixed_small_log",
        "fixed_large",
        "fixed_large_log",
        "learned",
        "learned_range",
      ],
      prediction_type: ["epsilon", "sample", "v_prediction"],
      timestep_spacing: ["linspace", "leading", "trailing"],
    },
    floats: [
      "beta_start",
      "beta_end",
      "dynamic_thresholding_ratio",
      "clip_sample_range",
      "sample_max_value",
    ],
  },
  outputDims: ({ variance_type }, dims) =>
    variance_type.startsWith("learned") ? dims.with(1, dims[1]! * 2) : dims,
  create(config) {
    const { alphasCumprod } = makeNoiseSchedule(config);
    return {
      training: { timesteps: trainedTimesteps(config.num_train_timesteps) },
      plan: (request) => ({ timesteps: planTimesteps(config, request) }),
      step({ timesteps }, { index, timestep, sample: x, output, noise }) {
        const isLearned = config.variance_type.startsWith("learned");
        const [prediction, variance] = isLearned ? output.chunk(2, 1) : [output];
        const next = timesteps[index + 1] ?? -1;
        const bar = alphasCumprod[timestep]!;
        const nextBar = next < 0 ? 1 : alphasCumprod[next]!;
        const alpha = f(bar / nextBar);
        const [beta, barLeft, nextBarLeft] = [f(1 - alpha), f(1 - bar), f(1 - nextBar)];

        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(barLeft) };
        const x0 = clipDenoised(
          toDenoised(config.prediction_type, x, prediction!, level),
          config,
        );
        const mean = x0.mul(Math.sqrt(nextBar) * beta / barLeft)
          .add(x.mul(Math.sqrt(alpha) * nextBarLeft / barLeft));
        if (timestep === 0) return { sample: mean, denoised: x0 };
        const posterior = Math.max(f(f(nextBarLeft / barLeft) * beta), 1e-20);
        const sigma = deviation(config.variance_type, beta, posterior, variance);
        return { sample: mean.add(noise().mul(sigma)), denoised: x0 };
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
      getVelocity: (_plan, sample, noise, timesteps) =>
        velocityByTimestep(alphasCumprod, sample, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode DDPMScheduler}. */
export type DDPMScheduler = Scheduler<DDPMConfig>;

/**
 * σ for a type of variance.
 *
 * @param posterior Variance of x' where x0 is known, the smallest that there can be; β is the
 *   largest.
 * @param learned The model's: a variance, or for `learned_range` where between the two its
 *   logarithm lies (−1 .. 1).
 */
function deviation(
  type: string,
  beta: number,
  posterior: number,
  learned: Tensor | undefined,
): number | Tensor {
  switch (type) {
    case "learned":
      return learned!.sqrt();
    case "learned_range": {
      const share = learned!.add(1).div(2);
      const low = share.mul(-1).add(1).mul(Math.log(posterior));
      return share.mul(Math.log(beta)).add(low).mul(0.5).exp();
    }
    case "fixed_large":
    case "fixed_large_log":
      return Math.sqrt(beta);
    default:
      return Math.sqrt(posterior);
  }
}
