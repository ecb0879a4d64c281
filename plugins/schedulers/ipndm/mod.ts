/**
 * F-PNDM, the improved pseudo numerical method: an Adams-Bashforth formula on the noise of up to four
 * model calls, with a schedule of sines (v-diffusion, Dance Diffusion).
 *
 * Order 2, one model call a step; deterministic. The weights are those of order 4 for equal steps,
 * which the steps of σ/α are not. (`PNDMScheduler` has the same weights on trained timesteps.)
 *
 *     ε = σ·x + α·v        e = (55·ε − 59·ε₁ + 37·ε₂ − 9·ε₃)/24
 *     x0 = (x − σ·e)/α        x' = α'·x0 + σ'·e
 *
 * x, v: [N, C, H, W], any shape whose first axis is the batch; v: the model's output; ε₁, ε₂, ε₃: ε of
 * the steps before (the first steps make do with fewer); σ = sin²(π/2·u), α = √(1 − σ²) for u from 1
 * to 0, or σ given as `trained_betas`. The model is given 2/π·atan(σ/α) as timestep, 1 .. 0.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Liu et al., Pseudo Numerical Methods for Diffusion Models on Manifolds, arXiv:2202.09778, formula
 * 12. All options of `IPNDMScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { IPNDMScheduler } from "@denoise/scheduler-ipndm";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new IPNDMScheduler();
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 2, 64]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import {
  maybe,
  numbers,
  type Scheduler,
  type SchedulerClass,
  type SchedulerPlan,
  type Tensor,
} from "@denoise/core";
import { adamsBashforth, defineScheduler, linspace32, toNoise } from "@denoise/schedules";

/** Options of {@linkcode IPNDMScheduler}, as in scheduler_config.json. */
export interface IPNDMConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /**
   * σ of every step and of the end, falling; they stand in place of the number of steps, whatever
   * it is.
   */
  readonly trained_betas: readonly number[] | null;
}

interface IPNDMPlan extends SchedulerPlan {
  /** α and σ of each step and of the end. */
  readonly levels: readonly { readonly alpha: number; readonly sigma: number }[];
}

const f = Math.fround;

/** Adams-Bashforth on up to four predictions of the noise. */
export const IPNDMScheduler: SchedulerClass<IPNDMConfig> = defineScheduler<
  IPNDMConfig,
  IPNDMPlan,
  readonly Tensor[]
>({
  className: "IPNDMScheduler",
  stepsUnplanned: true,
  schema: {
    num_train_timesteps: 1000,
    trained_betas: maybe(numbers),
  },
  create(config) {
    const makePlan = (steps: number): IPNDMPlan => {
      const betas = config.trained_betas
        ? Float32Array.from(config.trained_betas)
        : linspace32(1, 0, steps + 1).map((u) => f(Math.sin(f(f(u * Math.PI) / 2))) ** 2);
      const levels = Array.from(betas, (sigma) => ({
        alpha: f(Math.sqrt(f(1 - f(sigma * sigma)))),
        sigma,
      }));
      const timesteps = levels.slice(0, -1).map(({ alpha, sigma }) =>
        f(f(f(Math.atan2(sigma, alpha)) / Math.PI) * 2)
      );
      return { timesteps, levels };
    };
    return {
      training: makePlan(config.num_train_timesteps),
      plan: ({ numInferenceSteps }) => makePlan(numInferenceSteps!),
      step({ levels }, { index, sample: x, output, state = [] }) {
        const [level, next] = [levels[index]!, levels[index + 1]!];
        const noises = [toNoise("v_prediction", x, output, level), ...state].slice(0, 4);
        const e = adamsBashforth(noises);
        const x0 = x.sub(e.mul(level.sigma)).div(Math.max(level.alpha, 1e-8));
        return {
          sample: x0.mul(next.alpha).add(e.mul(next.sigma)),
          state: noises.slice(0, 3),
        };
      },
    };
  },
});

/** A scheduler made by the class {@linkcode IPNDMScheduler}. */
export type IPNDMScheduler = Scheduler<IPNDMConfig>;
