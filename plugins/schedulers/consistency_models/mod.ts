/**
 * Multistep sampling of consistency models: each step says the clean sample at once and adds fresh
 * noise of the next level.
 *
 * One model call a step, stochastic unless the run has only one step. It solves no equation step by
 * step, so it has no order.
 *
 *     x0 = σd²/((σ − σm)² + σd²)·x + (σ − σm)·σd/√(σ² + σd²)·F        x' = x0 + s·√(σ'² − σm²)·n
 *
 * x, F, n: [N, C, H, W], any shape whose first axis is the batch; F: the model's output; n: standard
 * normal noise; σ: standard deviation of the noise in units of the data, falling to σ' and at last
 * to σm (`sigma_min`); σd: `sigma_data`, the standard deviation of the data; s: `s_noise`. The model
 * is given x/√(σ² + σd²), which `scaleModelInput` makes, and 250·log σ as timestep.
 *
 * `setTimesteps` takes timesteps of one's own as places among the trained ones, 0 .. 39, falling
 * (for two steps of the published models `[22, 0]`).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for
 * places that are not among the trained ones.
 *
 * Song et al., Consistency Models, arXiv:2303.01469, algorithm 1. All options of
 * `CMStochasticIterativeScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { CMStochasticIterativeScheduler } from "@denoise/scheduler-consistency-models";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new CMStochasticIterativeScheduler();
 * scheduler.setTimesteps(undefined, { timesteps: [22, 0] });
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 3, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { float, type PlanRequest, type Scheduler, type SchedulerClass } from "@denoise/core";
import {
  addNoiseBySigma,
  defineScheduler,
  edmInput,
  linspace,
  type SigmaPlan,
  toFloat32,
} from "@denoise/schedules";

/** Options of {@linkcode CMStochasticIterativeScheduler}, as in scheduler_config.json. */
export interface CMStochasticIterativeConfig {
  /** Number of trained noise levels. */
  readonly num_train_timesteps: number;
  /** σm, the smallest σ. */
  readonly sigma_min: number;
  /** The largest σ. */
  readonly sigma_max: number;
  /** σd, the standard deviation of the data. */
  readonly sigma_data: number;
  /** Standard deviation of the noise that is added, 1 for what the method asks for. */
  readonly s_noise: number;
  /** Curvature of the σ schedule. */
  readonly rho: number;
  /** Whether clean samples are clipped to −1..1. */
  readonly clip_denoised: boolean;
}

const CLASS_NAME = "CMStochasticIterativeScheduler";
const f = Math.fround;

/** Few-step sampling of consistency models. */
export const CMStochasticIterativeScheduler: SchedulerClass<CMStochasticIterativeConfig> =
  defineScheduler<CMStochasticIterativeConfig, SigmaPlan>({
    className: CLASS_NAME,
    planOptions: ["timesteps"],
    schema: {
      num_train_timesteps: 40,
      sigma_min: float(0.002),
      sigma_max: float(80),
      sigma_data: float(0.5),
      s_noise: float(1),
      rho: float(7),
      clip_denoised: true,
    },
    create(config) {
      const { num_train_timesteps: trained, sigma_min: min, sigma_max: max, rho } = config;
      const makePlan = (ramp: readonly number[]): SigmaPlan => {
        const [high, low] = [max ** (1 / rho), min ** (1 / rho)];
        const sigmas = ramp.map((x) => (high + x * (low - high)) ** rho);
        return {
          timesteps: sigmas.map((sigma) => 250 * Math.log(sigma)),
          sigmas: toFloat32([...sigmas, min]),
          initNoiseSigma: max,
        };
      };
      return {
        training: makePlan(linspace(0, 1, trained)),
        plan(request) {
          const places = placesOf(request, trained);
          return makePlan(places.map((place) => place / (trained - 1)));
        },
        scaleModelInput: ({ sigmas }, index, sample) =>
          edmInput(sample, sigmas[index]!, config.sigma_data),
        step({ sigmas, timesteps }, { index, sample: x, output, noise }) {
          const sigma = sigmas[index]!;
          const next = Math.min(Math.max(sigmas[index + 1]!, min), max);
          const [above, data] = [f(sigma - min), config.sigma_data];
          const variance = f(data ** 2);
          const skip = f(variance / f(f(above * above) + variance));
          const out = f(f(above * data) / f(Math.sqrt(f(f(sigma * sigma) + variance))));
          const raw = output.mul(out).add(x.mul(skip));
          const x0 = config.clip_denoised ? raw.clamp(-1, 1) : raw;
          if (timesteps.length === 1) return { sample: x0 };
          const added = Math.sqrt(Math.max(0, f(f(next * next) - min ** 2)));
          return { sample: x0.add(noise().mul(config.s_noise).mul(added)) };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode CMStochasticIterativeScheduler}. */
export type CMStochasticIterativeScheduler = Scheduler<CMStochasticIterativeConfig>;

/** Places among the trained noise levels, from 0 for the noisiest, rising. */
function placesOf({ timesteps, numInferenceSteps }: PlanRequest, trained: number): number[] {
  if (timesteps === undefined) {
    const stride = Math.floor(trained / numInferenceSteps!);
    return Array.from({ length: numInferenceSteps! }, (_, i) => i * stride);
  }
  const places = timesteps.map(Math.trunc);
  const outside = places.find((place) => place < 0 || place >= trained);
  if (outside === undefined) return places.reverse();
  throw new RangeError(
    `Cannot plan timestep ${outside} of ${CLASS_NAME}: it takes places among the trained ` +
      `noise levels, 0 to ${trained - 1}`,
  );
}
