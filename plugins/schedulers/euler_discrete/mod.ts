/**
 * Euler's method on the probability flow of the noise level: the default of Stable Diffusion XL.
 *
 * Order 1, one model call a step; stochastic where `sChurn` is above 0.
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ        x' = x + d·(σ' − σ)
 *
 * x, ε: [N, C, H, W], any shape whose first axis is the batch; σ: standard deviation of the noise
 * in units of the data, falling to σ' and at last to 0. The model is given x/√(σ² + 1), which
 * `scaleModelInput` makes. With churn, noise first raises σ to σ̂ = σ·(1 + γ) (algorithm 2 of the
 * paper without its second order).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules, or timesteps of one's own beside one of them.
 *
 * Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models,
 * arXiv:2206.00364. All options of `EulerDiscreteScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { EulerDiscreteScheduler } from "@denoise/scheduler-euler-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new EulerDiscreteScheduler({ use_karras_sigmas: true });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import {
  float,
  maybe,
  oneOf,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
} from "@denoise/core";
import {
  addNoiseBySigma,
  type BetaConfig,
  betaOptions,
  checkSigmaConfig,
  combineBatch,
  defineScheduler,
  denoisedAtSigma,
  firstNoiseSigma,
  indexForTimestep,
  KARRAS_DIFFUSION_SCHEDULERS,
  linspace32,
  logSigmasOf,
  makeNoiseSchedule,
  planSigmas,
  scaleBySigma,
  type SigmaConfig,
  sigmaOptions,
  type SigmaPlan,
  type SigmaSchedule,
  sigmaToTimestep,
  type SpacingConfig,
  spacingOptions,
  toFloat32,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode EulerDiscreteScheduler}, as in scheduler_config.json. */
export interface EulerDiscreteConfig extends BetaConfig, SpacingConfig, SigmaConfig {
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "original_sample" | "sample" | "v_prediction";
  /** How sigmas are found between trained timesteps: `"linear"` or `"log_linear"`. */
  readonly interpolation_type: "linear" | "log_linear";
  /** What the model is given as timestep: its number, or with v-prediction log(σ)/4. */
  readonly timestep_type: "discrete" | "continuous";
  /** The last sigma: `"zero"`, or `"sigma_min"` for that of timestep 0. */
  readonly final_sigmas_type: "zero" | "sigma_min";
}

/** Options of a step, with the letters of the paper's algorithm 2. */
export interface EulerDiscreteStepOptions {
  /** How much noise is added over the whole run. Defaults to 0. */
  readonly sChurn?: number | undefined;
  /** Noise is added from this σ on. Defaults to 0. */
  readonly sTmin?: number | undefined;
  /** Noise is added up to this σ. Defaults to Infinity. */
  readonly sTmax?: number | undefined;
  /** Standard deviation of the noise that is added. Defaults to 1. */
  readonly sNoise?: number | undefined;
}

const CLASS_NAME = "EulerDiscreteScheduler";
const f = Math.fround;

/** Euler's method, falling noise level by noise level. */
export const EulerDiscreteScheduler: SchedulerClass<
  EulerDiscreteConfig,
  EulerDiscreteStepOptions
> = defineScheduler<EulerDiscreteConfig, SigmaPlan, undefined, EulerDiscreteStepOptions>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  planOptions: ["timesteps", "sigmas"],
  stepOptions: ["sChurn", "sTmin", "sTmax", "sNoise"],
  schema: {
    ...betaOptions,
    ...sigmaOptions,
    ...spacingOptions,
    prediction_type: oneOf("epsilon", "original_sample", "sample", "v_prediction"),
    interpolation_type: oneOf("linear", "log_linear"),
    sigma_min: maybe(float),
    sigma_max: maybe(float),
    timestep_type: oneOf("discrete", "continuous"),
    rescale_betas_zero_snr: false,
    final_sigmas_type: oneOf("zero", "sigma_min"),
  },
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    const schedule = makeNoiseSchedule(config, { lastAlphaCumprod: 2 ** -24 });
    const { alphasCumprod } = schedule;
    const logSigmas = logSigmasOf(schedule.sigmas);
    const isContinuous = config.timestep_type === "continuous" &&
      config.prediction_type === "v_prediction";

    /** Sigmas and the timesteps that belong to them, as the config asks for. */
    const schedules = (request: PlanRequest): SigmaSchedule => {
      if (request.sigmas !== undefined) {
        const sigmas = toFloat32(request.sigmas);
        const timesteps = sigmas.slice(0, -1)
          .map((sigma) => sigmaToTimestep(sigma, logSigmas, "float32"));
        return { sigmas, timesteps };
      }
      const isLogLinear = config.interpolation_type === "log_linear";
      const { timesteps, sigmas } = planSigmas(CLASS_NAME, config, request, schedule.sigmas, {
        plain: isLogLinear ? ({ length }) => logLinear(logSigmas, length + 1) : undefined,
      });
      const last = config.final_sigmas_type === "zero" ? 0 : schedule.sigmas[0]!;
      return { timesteps, sigmas: [...sigmas, last] };
    };
    const makePlan = (sigmas: readonly number[], timesteps: readonly number[]): SigmaPlan => {
      const rounded = toFloat32(sigmas);
      return {
        sigmas: rounded,
        timesteps: isContinuous
          ? rounded.slice(0, -1).map((sigma) => f(f(Math.log(sigma)) * 0.25))
          : toFloat32(timesteps),
        initNoiseSigma: firstNoiseSigma(rounded, config.timestep_spacing),
      };
    };

    return {
      training: makePlan(
        [...schedule.sigmas.toReversed(), 0],
        trainedTimesteps(config.num_train_timesteps),
      ),
      plan(request) {
        if (request.timesteps !== undefined && isContinuous) {
          throw new RangeError(
            `Cannot plan ${CLASS_NAME}: it takes no timesteps of one's own with continuous ` +
              "timesteps and v_prediction",
          );
        }
        const { sigmas, timesteps } = schedules(request);
        return makePlan(sigmas, timesteps);
      },
      scaleModelInput: ({ sigmas }, index, sample) => scaleBySigma(sample, sigmas[index]!),
      step({ sigmas }, { index, sample, output, noise, options }) {
        const { sChurn = 0, sTmin = 0, sTmax = Infinity, sNoise = 1 } = options;
        const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
        const gamma = sTmin <= sigma && sigma <= sTmax
          ? Math.min(sChurn / (sigmas.length - 1), Math.SQRT2 - 1)
          : 0;
        const raised = f(sigma * f(gamma + 1));
        const added = Math.sqrt(f(f(raised * raised) - f(sigma * sigma)));

        let x = sample.astype("float32");
        if (gamma > 0) x = x.add(noise().mul(sNoise).mul(added));
        const x0 = denoisedAtSigma(config.prediction_type, x, output, sigma, raised);
        const d = x.sub(x0).div(raised);
        return { sample: x.add(d.mul(f(next - raised))).astype(output.dtype), denoised: x0 };
      },
      addNoise: addNoiseBySigma,
      getVelocity({ timesteps }, sample, noise, at) {
        // ᾱ is looked up by the place in the plan instead of the timestep, as diffusers does.
        const bars = at.map((t) => alphasCumprod[indexForTimestep(timesteps, t)]!);
        return combineBatch(
          bars.map(Math.sqrt),
          noise,
          bars.map((bar) => -Math.sqrt(f(1 - bar))),
          sample,
        );
      },
    };
  },
});

/** A scheduler made by the class {@linkcode EulerDiscreteScheduler}. */
export type EulerDiscreteScheduler = Scheduler<EulerDiscreteConfig, EulerDiscreteStepOptions>;

/** Falling sigmas over the whole trained range with equal steps of log σ, in float32. */
function logLinear(logSigmas: Float32Array, count: number): Float32Array {
  return linspace32(logSigmas[logSigmas.length - 1]!, logSigmas[0]!, count).map(Math.exp);
}
