/**
 * The DDPM of unCLIP (DALL·E 2, Karlo, Kandinsky 2.0): ancestral sampling on a cosine schedule.
 *
 * Order 1, stochastic, one model call a step.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ        β = 1 − ᾱ/ᾱ'
 *     x' = √ᾱ'·β/(1 − ᾱ)·x0 + √(1 − β)·(1 − ᾱ')/(1 − ᾱ)·x + σ·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; ᾱ: what
 * is left of the signal's variance at the timestep, ᾱ': at `prevTimestep` (1 below 0); σ² is
 * β·(1 − ᾱ')/(1 − ᾱ) with `fixed_small_log`. With `learned_range` it comes as a second half of the
 * output's channels, [N, 2C, H, W]: where between that (−1) and β (1) its logarithm lies.
 *
 * `prevTimestep` is the next timestep of the plan by default, which the pipelines of diffusers give
 * to `step`; alone, it takes the timestep minus 1 there.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a plan
 * of one step or a `prevTimestep` that is not earlier.
 *
 * Ramesh et al., Hierarchical Text-Conditional Image Generation with CLIP Latents, arXiv:2204.06125.
 * All options of `UnCLIPScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { UnCLIPScheduler } from "@denoise/scheduler-unclip";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new UnCLIPScheduler();
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
import { float, oneOf, roundHalfEven, type Scheduler, type SchedulerClass } from "@denoise/core";
import {
  addNoiseByTimestep,
  defineScheduler,
  makeNoiseSchedule,
  toDenoised,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode UnCLIPScheduler}, as in scheduler_config.json. */
export interface UnCLIPConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** The variance of the noise that a step adds: `"fixed_small_log"` or `"learned_range"`. */
  readonly variance_type: "fixed_small_log" | "learned_range";
  /** Whether clean samples are clipped. */
  readonly clip_sample: boolean;
  /** The largest absolute value after clipping. */
  readonly clip_sample_range: number;
  /** What the model predicts: `"epsilon"` or `"sample"`. */
  readonly prediction_type: "epsilon" | "sample";
  /** How betas rise: `"squaredcos_cap_v2"`. */
  readonly beta_schedule: "squaredcos_cap_v2";
}

/** Options of a step. */
export interface UnCLIPStepOptions {
  /** The timestep that the step leads to. Defaults to the next of the plan. */
  readonly prevTimestep?: number | undefined;
}

const CLASS_NAME = "UnCLIPScheduler";
const f = Math.fround;

/** Ancestral sampling of unCLIP. */
export const UnCLIPScheduler: SchedulerClass<UnCLIPConfig, UnCLIPStepOptions> = defineScheduler<
  UnCLIPConfig,
  { readonly timesteps: readonly number[] },
  undefined,
  UnCLIPStepOptions
>({
  className: CLASS_NAME,
  cursor: "timestep",
  stepsUnplanned: true,
  stepOptions: ["prevTimestep"],
  schema: {
    num_train_timesteps: 1000,
    variance_type: oneOf("fixed_small_log", "learned_range"),
    clip_sample: true,
    clip_sample_range: float(1),
    prediction_type: oneOf("epsilon", "sample"),
    beta_schedule: oneOf("squaredcos_cap_v2"),
  },
  outputDims: ({ variance_type }, dims) =>
    variance_type === "learned_range" ? dims.with(1, dims[1]! * 2) : dims,
  create(config) {
    const { num_train_timesteps: trained, clip_sample_range: range } = config;
    const { alphas, betas, alphasCumprod } = makeNoiseSchedule({
      ...config,
      beta_start: 0,
      beta_end: 0,
    });
    return {
      training: { timesteps: trainedTimesteps(trained) },
      plan: ({ numInferenceSteps: steps }) => ({ timesteps: spread(trained, steps!) }),
      step({ timesteps }, { index, timestep, sample: x, output, noise, options }) {
        const next = options.prevTimestep ?? timesteps[index + 1] ?? timestep - 1;
        checkPrevious(next, timestep);
        const [bar, nextBar] = [alphasCumprod[timestep]!, alphasCumprod[next] ?? 1];
        const [left, nextLeft] = [f(1 - bar), f(1 - nextBar)];
        const isNeighbour = next === timestep - 1;
        const beta = isNeighbour ? betas[timestep]! : f(1 - f(bar / nextBar));
        const alpha = isNeighbour ? alphas[timestep]! : f(1 - beta);

        const isLearned = config.variance_type === "learned_range";
        const [prediction, share] = isLearned ? output.chunk(2, 1) : [output];
        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(left) };
        const raw = toDenoised(config.prediction_type, x, prediction!, level);
        const x0 = config.clip_sample ? raw.clamp(-range, range) : raw;
        const mean = x0.mul(f(f(f(Math.sqrt(nextBar)) * beta) / left))
          .add(x.mul(f(f(f(Math.sqrt(alpha)) * nextLeft) / left)));
        if (timestep === 0) return { sample: mean, denoised: x0 };

        const smallest = f(f(nextLeft / left) * beta);
        if (!isLearned) {
          const sigma = f(Math.exp(f(0.5 * f(Math.log(Math.max(smallest, 1e-20))))));
          return { sample: mean.add(noise().mul(sigma)), denoised: x0 };
        }
        const between = share!.add(1).div(2);
        const low = between.mul(-1).add(1).mul(f(Math.log(smallest)));
        const sigma = between.mul(f(Math.log(beta))).add(low).mul(0.5).exp();
        return { sample: mean.add(sigma.mul(noise())), denoised: x0 };
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode UnCLIPScheduler}. */
export type UnCLIPScheduler = Scheduler<UnCLIPConfig, UnCLIPStepOptions>;

/** Timesteps from the last trained one to 0, at equal distances. */
function spread(trained: number, steps: number): number[] {
  if (steps < 2) {
    throw new RangeError(
      `Cannot plan ${steps} steps of ${CLASS_NAME}: it goes from the last trained timestep to 0, ` +
        `which takes an integer of steps from 2 to ${trained}`,
    );
  }
  const stride = (trained - 1) / (steps - 1);
  return Array.from({ length: steps }, (_, i) => roundHalfEven(i * stride)).reverse();
}

function checkPrevious(previous: number, timestep: number): void {
  if (Number.isInteger(previous) && previous < timestep) return;
  throw new RangeError(
    `Cannot step ${CLASS_NAME} from timestep ${timestep} to ${previous}: prevTimestep must be an ` +
      `integer below ${timestep}`,
  );
}
