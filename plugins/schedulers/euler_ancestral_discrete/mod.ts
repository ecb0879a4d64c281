/**
 * Euler's method with ancestral noise: each step goes below the next noise level and adds fresh
 * noise to come back up to it.
 *
 * Order 1, stochastic, one model call a step.
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ
 *     σu² = σ'²·(σ² − σ'²)/σ²        σd² = σ'² − σu²
 *     x' = x + d·(σd − σ) + σu·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; σ:
 * standard deviation of the noise in units of the data, falling to σ' and at last to 0. The model
 * is given x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Katherine Crowson's k-diffusion, `sample_euler_ancestral`; for the noise levels see Karras et al.,
 * arXiv:2206.00364. All options of `EulerAncestralDiscreteScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { EulerAncestralDiscreteScheduler } from "@denoise/scheduler-euler-ancestral-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new EulerAncestralDiscreteScheduler();
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { oneOf, type Scheduler, type SchedulerClass } from "@denoise/core";
import {
  addNoiseBySigma,
  ancestralSigmas,
  type BetaConfig,
  betaOptions,
  defineScheduler,
  denoisedAtSigma,
  firstNoiseSigma,
  interp,
  KARRAS_DIFFUSION_SCHEDULERS,
  makeNoiseSchedule,
  planTimesteps,
  scaleBySigma,
  type SigmaPlan,
  type SpacingConfig,
  spacingOptions,
  toFloat32,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode EulerAncestralDiscreteScheduler}, as in scheduler_config.json. */
export interface EulerAncestralDiscreteConfig extends BetaConfig, SpacingConfig {
  /** What the model predicts: `"epsilon"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "v_prediction";
}

const f = Math.fround;

/** Euler's method with fresh noise at every step. */
export const EulerAncestralDiscreteScheduler: SchedulerClass<EulerAncestralDiscreteConfig> =
  defineScheduler<EulerAncestralDiscreteConfig, SigmaPlan>({
    className: "EulerAncestralDiscreteScheduler",
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    schema: {
      ...betaOptions,
      ...spacingOptions,
      prediction_type: oneOf("epsilon", "v_prediction"),
      rescale_betas_zero_snr: false,
    },
    create(config) {
      const trained = makeNoiseSchedule(config, { lastAlphaCumprod: 2 ** -24 }).sigmas;
      const makePlan = (timesteps: readonly number[]): SigmaPlan => {
        const sigmas = toFloat32([...interp(timesteps, trained), 0]);
        const initNoiseSigma = firstNoiseSigma(sigmas, config.timestep_spacing);
        return { timesteps, sigmas, initNoiseSigma };
      };
      return {
        training: makePlan(trainedTimesteps(config.num_train_timesteps)),
        plan: (request) => makePlan(planTimesteps(config, request, { as: "float32" })),
        scaleModelInput: ({ sigmas }, index, sample) => scaleBySigma(sample, sigmas[index]!),
        step({ sigmas }, { index, sample, output, noise }) {
          const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
          const x = sample.astype("float32");
          const x0 = denoisedAtSigma(config.prediction_type, x, output, sigma);
          const d = x.sub(x0).div(sigma);
          const { up, down } = ancestralSigmas(sigma, next);
          const mean = x.add(d.mul(f(down - sigma)));
          return { sample: mean.add(noise().mul(up)).astype(output.dtype), denoised: x0 };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode EulerAncestralDiscreteScheduler}. */
export type EulerAncestralDiscreteScheduler = Scheduler<EulerAncestralDiscreteConfig>;
