/**
 * LMS: a linear multistep method (Adams-Bashforth with steps of any length) on the probability flow
 * of the noise level.
 *
 * Order 4 (`order` of a step; lower in the first steps), one model call a step.
 *
 *     x0 = x − σ·ε        d₀ = (x − x0)/σ        x' = x + Σₖ dₖ·∫ ℓₖ(τ) dτ   from σ to σ'
 *
 * x, ε: [N, C, H, W], any shape; dₖ: the slope k steps ago; σ: standard deviation of the noise in
 * units of the data, falling to σ' and at last to 0; ℓₖ: the Lagrange polynomial that is 1 at σ of k
 * steps ago and 0 at the others'. The model is given x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules, or an `order` below 1.
 *
 * Katherine Crowson's k-diffusion, `sample_lms`. All options of `LMSDiscreteScheduler` in diffusers
 * are covered. The integrals are exact here; there they are found numerically to 4 digits or more.
 *
 * @example
 * ```ts
 * import { LMSDiscreteScheduler } from "@denoise/scheduler-lms-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new LMSDiscreteScheduler();
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { order: 3 }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import {
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
  defineScheduler,
  denoisedAtSigma,
  firstNoiseSigma,
  integrateLagrange,
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
} from "@denoise/schedules";

/** Options of {@linkcode LMSDiscreteScheduler}, as in scheduler_config.json. */
export interface LMSDiscreteConfig extends BetaConfig, SpacingConfig, SigmaConfig {
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
}

/** Options of a step. */
export interface LMSDiscreteStepOptions {
  /** How many slopes are combined, at most. Defaults to 4. */
  readonly order?: number | undefined;
}

const CLASS_NAME = "LMSDiscreteScheduler";

/** Multistep sampling over the noise level. */
export const LMSDiscreteScheduler: SchedulerClass<LMSDiscreteConfig, LMSDiscreteStepOptions> =
  defineScheduler<LMSDiscreteConfig, SigmaPlan, readonly Tensor[], LMSDiscreteStepOptions>({
    className: CLASS_NAME,
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    foreignOptions: SIGMA_RANGE,
    stepOptions: ["order"],
    schema: {
      ...betaOptions,
      ...sigmaOptions,
      ...spacingOptions,
      prediction_type: oneOf("epsilon", "sample", "v_prediction"),
    },
    create(config) {
      checkSigmaConfig(CLASS_NAME, config);
      const trained = makeNoiseSchedule(config).sigmas;
      // diffusers lets a range that the config carries along count for the other schedules only
      const plan = (request: PlanRequest): SigmaPlan => {
        const range = config.use_karras_sigmas ? { sigma_min: null, sigma_max: null } : {};
        const schedule = planSigmas(CLASS_NAME, { ...config, ...range }, request, trained);
        const sigmas = toFloat32([...schedule.sigmas, 0]);
        const initNoiseSigma = firstNoiseSigma(sigmas, config.timestep_spacing);
        return { timesteps: toFloat32(schedule.timesteps), sigmas, initNoiseSigma };
      };
      return {
        training: plan({ numInferenceSteps: config.num_train_timesteps }),
        plan,
        scaleModelInput: ({ sigmas }, index, sample) => scaleBySigma(sample, sigmas[index]!),
        step({ sigmas }, { index, sample: x, output, state: earlier = [], options }) {
          const { order = 4 } = options;
          if (!Number.isInteger(order) || order < 1) {
            throw new RangeError(
              `Cannot step ${CLASS_NAME}: order is an integer from 1, not ${order}`,
            );
          }
          const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
          const x0 = denoisedAtSigma(config.prediction_type, x, output, sigma);
          const slopes = [x.sub(x0).div(sigma), ...earlier].slice(0, order);
          // at a start in the middle, diffusers counts sigmas that have no slope yet as nodes
          const nodes = sigmas.slice(Math.max(0, index + 1 - order), index + 1).reverse();
          const change = slopes
            .map((slope, k) => slope.mul(integrateLagrange(nodes, k, sigma, next)))
            .reduce((sum, part) => sum.add(part));
          return { sample: x.add(change), denoised: x0, state: slopes };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode LMSDiscreteScheduler}. */
export type LMSDiscreteScheduler = Scheduler<LMSDiscreteConfig, LMSDiscreteStepOptions>;
