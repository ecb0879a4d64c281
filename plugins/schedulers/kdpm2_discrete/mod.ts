/**
 * DPM-Solver-2 over the noise level (A1111's "DPM2"): the midpoint method, with the midpoint taken
 * between the logarithms of the sigmas.
 *
 * Order 2, two model calls a step (one at the last), with the timesteps of the midpoints between
 * those of the steps.
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ        σ½ = √(σ·σ')
 *     x½ = x + d·(σ½ − σ)        d½ = (x½ − x½0)/σ½        x' = x + d½·(σ' − σ)
 *
 * x, ε: [N, C, H, W], any shape; σ: standard deviation of the noise in units of the data, falling
 * to σ' and at last to 0. The model is given x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules.
 *
 * Karras et al., arXiv:2206.00364, algorithm 2 without its noise; k-diffusion, `sample_dpm_2`. All
 * options of `KDPM2DiscreteScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { KDPM2DiscreteScheduler } from "@denoise/scheduler-kdpm2-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new KDPM2DiscreteScheduler({ use_karras_sigmas: true });
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
  roundHalfEven,
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
  KARRAS_DIFFUSION_SCHEDULERS,
  logMidpoint,
  logSigmasOf,
  makeNoiseSchedule,
  planSigmas,
  scaleBySigma,
  SIGMA_RANGE,
  type SigmaConfig,
  sigmaOptions,
  type SigmaPlan,
  sigmaToTimestep,
  type SpacingConfig,
  spacingOptions,
  toFloat32,
} from "@denoise/schedules";

/** Options of {@linkcode KDPM2DiscreteScheduler}, as in scheduler_config.json. */
export interface KDPM2DiscreteConfig extends BetaConfig, SpacingConfig, SigmaConfig {
  /** What the model predicts: `"epsilon"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "v_prediction";
}

interface KDPM2Plan extends SigmaPlan {
  /** σ, σ½ and σ' of each step, which is two calls. */
  readonly steps: readonly {
    readonly sigma: number;
    readonly mid: number;
    readonly next: number;
  }[];
}

const CLASS_NAME = "KDPM2DiscreteScheduler";
const f = Math.fround;

/** The midpoint method over log σ. */
export const KDPM2DiscreteScheduler: SchedulerClass<KDPM2DiscreteConfig> = defineScheduler<
  KDPM2DiscreteConfig,
  KDPM2Plan,
  Tensor
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  foreignOptions: SIGMA_RANGE,
  order: 2,
  schema: {
    ...betaOptions,
    ...sigmaOptions,
    ...spacingOptions,
    beta_start: float(0.00085),
    beta_end: float(0.012),
    prediction_type: oneOf("epsilon", "v_prediction"),
  },
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    const trained = makeNoiseSchedule(config).sigmas;
    const logSigmas = logSigmasOf(trained);
    const plan = (request: PlanRequest): KDPM2Plan => {
      const schedule = planSigmas(CLASS_NAME, config, request, trained);
      const spaced = config.use_karras_sigmas
        ? schedule.timesteps.map(roundHalfEven)
        : toFloat32(schedule.timesteps);
      const falling = toFloat32([...schedule.sigmas, 0]);
      const steps = spaced.map((_, i) => {
        const [sigma, next] = [falling[i]!, falling[i + 1]!];
        return { sigma, mid: logMidpoint(next, sigma), next };
      });
      const timesteps = spaced.flatMap((t, i) => {
        if (i === 0) return [t];
        return [sigmaToTimestep(steps[i - 1]!.mid, logSigmas, "float32"), t];
      });
      const [first, ...others] = falling;
      return {
        timesteps,
        sigmas: [first!, ...others.flatMap((sigma) => [sigma, sigma]), 0],
        initNoiseSigma: firstNoiseSigma(falling, config.timestep_spacing),
        steps,
      };
    };
    return {
      training: plan({ numInferenceSteps: config.num_train_timesteps }),
      plan,
      scaleModelInput({ steps }, index, sample) {
        const { sigma, mid } = steps[index >> 1]!;
        return scaleBySigma(sample, index % 2 === 0 ? sigma : mid);
      },
      step({ steps }, { index, sample: x, output, state: start }) {
        const { sigma, mid, next } = steps[index >> 1]!;
        const level = start === undefined ? sigma : mid;
        const x0 = denoisedAtSigma(config.prediction_type, x, output, level);
        const slope = x.sub(x0).div(level);
        return start === undefined
          ? { sample: x.add(slope.mul(f(mid - sigma))), denoised: x0, state: x }
          : { sample: start.add(slope.mul(f(next - sigma))), denoised: x0 };
      },
      addNoise: addNoiseBySigma,
    };
  },
});

/** A scheduler made by the class {@linkcode KDPM2DiscreteScheduler}. */
export type KDPM2DiscreteScheduler = Scheduler<KDPM2DiscreteConfig>;
