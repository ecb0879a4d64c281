/**
 * DPM-Solver++ (SDE) over the noise level (A1111's "DPM++ SDE"): the midpoint method with noise at
 * both halves of a step, drawn from one Brownian path.
 *
 * Order 2 without its noise, stochastic, two model calls a step (one at the last), with the timesteps
 * of the midpoints between those of the steps.
 *
 *     x0 = x − σ·ε        τ = −log σ        τ½ = (τ + τ')/2
 *     A(x, x0, s) = e^(τ−s↓)·x − (e^(τ−s↓) − 1)·x0 + σu·n        σu² + σd² = σ²(s)        s↓ = −log σd
 *     x½ = A(x, x0, τ½)        x' = A(x, x½0, τ')
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: the increment of the Brownian
 * path from σ to σ(s), divided by its standard deviation; σu² = σ(s)²·(σ² − σ(s)²)/σ²; σ: standard
 * deviation of the noise in units of the data, falling to σ' and at last to 0. The model is given
 * x/√(σ² + 1), which `scaleModelInput` makes.
 *
 * The Brownian path is the one of torchsde that diffusers takes, bit for bit, for the same
 * `noise_sampler_seed`. Without that, the seed is drawn from the generator of the run; diffusers
 * draws it from torch's global generator. Times on the path are σ = e^(−τ) rounded to 6 digits: where
 * torch's logarithm is a unit in the last place off (one in twenty, on processors with AVX-512), the
 * noise of that step is taken a few millionths of σ beside, and differs by up to some thousandths.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules.
 *
 * Katherine Crowson's k-diffusion, `sample_dpmpp_sde`; Lu et al., arXiv:2211.01095. All options of
 * `DPMSolverSDEScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { DPMSolverSDEScheduler } from "@denoise/scheduler-dpmsolver-sde";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DPMSolverSDEScheduler({ use_karras_sigmas: true, noise_sampler_seed: 7 });
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
  maybe,
  number,
  oneOf,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
  type StepOptions,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseBySigma,
  ancestralSigmas,
  type BetaConfig,
  betaOptions,
  brownianNoise,
  checkSigmaConfig,
  defineScheduler,
  denoisedAtSigma,
  drawSeeds,
  firstNoiseSigma,
  KARRAS_DIFFUSION_SCHEDULERS,
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

/** Options of {@linkcode DPMSolverSDEScheduler}, as in scheduler_config.json. */
export interface DPMSolverSDEConfig extends BetaConfig, SpacingConfig, SigmaConfig {
  /** What the model predicts: `"epsilon"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "v_prediction";
  /** Seed of the Brownian path; drawn from the run's generator when null. */
  readonly noise_sampler_seed: number | null;
}

/** Options of a step. */
export interface DPMSolverSDEStepOptions extends StepOptions {
  /** Standard deviation of the noise. Defaults to 1. */
  readonly sNoise?: number | undefined;
}

interface SDEState {
  /** Noise between two sigmas. */
  readonly noise: (from: number, to: number) => Tensor;
  /** The sample at the start of the step that is under way. */
  readonly start?: Tensor | undefined;
}

const CLASS_NAME = "DPMSolverSDEScheduler";
const f = Math.fround;

/** −log σ in float32. */
const timeOf = (sigma: number): number => -f(Math.log(sigma));

/** e^(−τ) in float32. */
const sigmaAt = (time: number): number => f(Math.exp(-time));

/** The time halfway from one sigma to the next. */
function middle(sigma: number, next: number): number {
  const [t, end] = [timeOf(sigma), timeOf(next)];
  return f(t + f(f(end - t) * 0.5));
}

/** The midpoint method with Brownian noise. */
export const DPMSolverSDEScheduler: SchedulerClass<DPMSolverSDEConfig, DPMSolverSDEStepOptions> =
  defineScheduler<DPMSolverSDEConfig, SigmaPlan, SDEState, DPMSolverSDEStepOptions>({
    className: CLASS_NAME,
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    foreignOptions: SIGMA_RANGE,
    order: 2,
    stepOptions: ["sNoise"],
    schema: {
      ...betaOptions,
      ...sigmaOptions,
      ...spacingOptions,
      beta_start: float(0.00085),
      beta_end: float(0.012),
      prediction_type: oneOf("epsilon", "v_prediction"),
      noise_sampler_seed: maybe(number),
    },
    create(config) {
      checkSigmaConfig(CLASS_NAME, config);
      const trained = makeNoiseSchedule(config).sigmas;
      const logSigmas = logSigmasOf(trained);
      // diffusers lets a range that the config carries along count for the other schedules only
      const range = config.use_karras_sigmas ? { sigma_min: null, sigma_max: null } : {};
      const plan = (request: PlanRequest): SigmaPlan => {
        const own = { ...config, ...range };
        const schedule = planSigmas(CLASS_NAME, own, request, trained, { as: "float64" });
        const times = schedule.sigmas.map((sigma) => -Math.log(sigma));
        const timesteps = schedule.timesteps.flatMap((t, i) => {
          if (i === 0) return [t];
          const mid = times[i - 1]! + (times[i]! - times[i - 1]!) * 0.5;
          return [sigmaToTimestep(Math.exp(-mid), logSigmas), t];
        });
        const [first, ...others] = toFloat32(schedule.sigmas);
        const sigmas = [first!, ...others.flatMap((sigma) => [sigma, sigma]), 0];
        const initNoiseSigma = firstNoiseSigma(sigmas, config.timestep_spacing);
        return { timesteps, sigmas, initNoiseSigma };
      };
      return {
        training: plan({ numInferenceSteps: config.num_train_timesteps }),
        plan,
        scaleModelInput({ sigmas }, index, sample) {
          if (index % 2 === 0) return scaleBySigma(sample, sigmas[index]!);
          return scaleBySigma(sample, sigmaAt(middle(sigmas[index - 1]!, sigmas[index]!)));
        },
        step({ sigmas }, { index, sample: x, output, state, options }) {
          const { sNoise = 1 } = options;
          const start = state?.start;
          const place = start === undefined ? index : index - 1;
          const [sigma, next] = [sigmas[place]!, sigmas[place + 1]!];
          const mid = middle(sigma, next);
          const level = start === undefined ? sigma : sigmaAt(mid);
          const x0 = denoisedAtSigma(config.prediction_type, x, output, level);
          if (next === 0) {
            const slope = x.sub(x0).div(sigma);
            return { sample: x.add(slope.mul(-sigma)), denoised: x0 };
          }

          const noise = state?.noise ?? brownianNoise({
            min: sigmas.at(-2)!,
            max: sigmas[0]!,
            dims: x.dims,
            dtype: output.dtype === "float16" ? "float16" : "float32",
            seed: config.noise_sampler_seed ?? drawSeeds(options.generator),
          });
          const [t, end] = [timeOf(sigma), start === undefined ? mid : timeOf(next)];
          const [from, to] = [sigmaAt(t), sigmaAt(end)];
          const { up, down } = ancestralSigmas(from, to);
          const low = timeOf(down);
          const mean = (start ?? x).mul(f(sigmaAt(low) / from)).sub(x0.mul(Math.expm1(f(t - low))));
          return {
            sample: mean.add(noise(from, to).mul(sNoise).mul(up)),
            denoised: x0,
            state: { noise, start: start === undefined ? x : undefined },
          };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode DPMSolverSDEScheduler}. */
export type DPMSolverSDEScheduler = Scheduler<DPMSolverSDEConfig, DPMSolverSDEStepOptions>;
