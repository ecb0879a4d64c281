/**
 * Heun's method: a step of Euler's method, corrected with the slope at its end.
 *
 * Order 2, two model calls a step (one at the last): every timestep but the first comes twice.
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ
 *     x̃ = x + d·(σ' − σ)        d' = (x̃ − x̃0)/σ'        x' = x + (d + d')/2·(σ' − σ)
 *
 * x, ε: [N, C, H, W], any shape; σ: standard deviation of the noise in units of the data, falling
 * to σ' and at last to 0. The model is given x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules, or timesteps of one's own beside one of them.
 *
 * Karras et al., arXiv:2206.00364, algorithm 1. All options of `HeunDiscreteScheduler` in diffusers
 * are covered.
 *
 * @example
 * ```ts
 * import { HeunDiscreteScheduler } from "@denoise/scheduler-heun-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new HeunDiscreteScheduler({ use_karras_sigmas: true });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(scheduler.timesteps.length); // 19
 * ```
 *
 * @module
 */
import {
  float,
  oneOf,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseBySigma,
  type BetaConfig,
  betaOptions,
  checkSigmaConfig,
  clipDenoised,
  defineScheduler,
  denoisedAtSigma,
  firstNoiseSigma,
  KARRAS_DIFFUSION_SCHEDULERS,
  makeNoiseSchedule,
  planSigmas,
  scaleBySigma,
  SIGMA_RANGE,
  type SigmaConfig,
  sigmaOptions,
  type SigmaPlan,
  type SpacingConfig,
  spacingOptions,
  toFloat32,
  type UsualBetaSchedule,
} from "@denoise/schedules";

/** Options of {@linkcode HeunDiscreteScheduler}, as in scheduler_config.json. */
export interface HeunDiscreteConfig
  extends BetaConfig<UsualBetaSchedule | "exp">, SpacingConfig, SigmaConfig {
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
  /** Whether to clip x0. */
  readonly clip_sample: boolean;
  /** The largest absolute value of x0 after clipping. */
  readonly clip_sample_range: number;
}

/** What the second half of a step needs of the first. */
interface HalfStep {
  readonly sample: Tensor;
  readonly slope: Tensor;
}

const CLASS_NAME = "HeunDiscreteScheduler";
const f = Math.fround;

/** Euler's method, each step corrected. */
export const HeunDiscreteScheduler: SchedulerClass<HeunDiscreteConfig> = defineScheduler<
  HeunDiscreteConfig,
  SigmaPlan,
  HalfStep
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  foreignOptions: SIGMA_RANGE,
  order: 2,
  planOptions: ["timesteps"],
  schema: {
    ...betaOptions,
    ...sigmaOptions,
    ...spacingOptions,
    beta_start: float(0.00085),
    beta_end: float(0.012),
    beta_schedule: oneOf("linear", "exp", "scaled_linear", "squaredcos_cap_v2"),
    prediction_type: oneOf("epsilon", "sample", "v_prediction"),
    clip_sample: false,
    clip_sample_range: float(1),
  },
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    const trained = makeNoiseSchedule(config).sigmas;
    const plan = (request: PlanRequest): SigmaPlan => {
      const schedule = planSigmas(CLASS_NAME, config, request, trained);
      const [first, ...others] = toFloat32(schedule.sigmas);
      const [start, ...rest] = toFloat32(schedule.timesteps);
      const sigmas = [first!, ...others.flatMap((sigma) => [sigma, sigma]), 0];
      return {
        timesteps: [start!, ...rest.flatMap((t) => [t, t])],
        sigmas,
        initNoiseSigma: firstNoiseSigma(sigmas, config.timestep_spacing),
      };
    };
    return {
      training: plan({ numInferenceSteps: config.num_train_timesteps }),
      plan,
      scaleModelInput: ({ sigmas }, index, sample) => scaleBySigma(sample, sigmas[index]!),
      step({ sigmas }, { index, sample: x, output, state: half }) {
        const sigma = sigmas[index]!;
        const x0 = clipDenoised(denoisedAtSigma(config.prediction_type, x, output, sigma), config);
        const slope = x.sub(x0).div(sigma);
        if (half === undefined) {
          const next = x.add(slope.mul(f(sigmas[index + 1]! - sigma)));
          return { sample: next, denoised: x0, state: { sample: x, slope } };
        }
        const mean = half.slope.add(slope).div(2);
        const next = half.sample.add(mean.mul(f(sigma - sigmas[index - 1]!)));
        return { sample: next, denoised: x0 };
      },
      addNoise: addNoiseBySigma,
    };
  },
});

/** A scheduler made by the class {@linkcode HeunDiscreteScheduler}. */
export type HeunDiscreteScheduler = Scheduler<HeunDiscreteConfig>;
