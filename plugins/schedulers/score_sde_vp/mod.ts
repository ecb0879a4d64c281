/**
 * The variance preserving stochastic differential equation, solved backwards by Euler and Maruyama.
 *
 * Order 1, stochastic, one model call a step.
 *
 *     ℓ = −¼·t²·(b₁ − b₀) − ½·t·b₀        β = b₀ + t·(b₁ − b₀)        h = 1/steps
 *     m = x + h·β·(x/2 − ε/√(1 − e^(2ℓ)))        x' = m + √(β·h)·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; ε: the model's output, the noise;
 * n: standard normal noise; t: the timestep, from 1 down to `sampling_eps`; b₀, b₁: `beta_min`,
 * `beta_max`. The result of a run is m of its last step (`prevSampleMean`), without noise.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Song et al., Score-Based Generative Modeling through Stochastic Differential Equations,
 * arXiv:2011.13456, appendix C. All options of `ScoreSdeVpScheduler` in diffusers (deprecated there)
 * are covered; its `step_pred(score, x, t)` is `step(output, t, sample)` here.
 *
 * @example
 * ```ts
 * import { ScoreSdeVpScheduler } from "@denoise/scheduler-score-sde-vp";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new ScoreSdeVpScheduler();
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 3, 8, 8]);
 * let mean = sample;
 * for (const t of scheduler.timesteps) {
 *   const noise = sample.mul(0.1); // a model would be called here
 *   const output = scheduler.step(noise, t, sample, { generator });
 *   sample = output.prevSample;
 *   mean = output.prevSampleMean!;
 * }
 * console.log(mean.dims);
 * ```
 *
 * @module
 */
import { float, type Scheduler, type SchedulerClass, type SchedulerPlan } from "@denoise/core";
import { defineScheduler, linspace32 } from "@denoise/schedules";

/** Options of {@linkcode ScoreSdeVpScheduler}, as in scheduler_config.json. */
export interface ScoreSdeVpConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** β at timestep 0. */
  readonly beta_min: number;
  /** β at timestep 1. */
  readonly beta_max: number;
  /** The last timestep. */
  readonly sampling_eps: number;
}

const f = Math.fround;

/** Euler and Maruyama's method on the variance preserving equation. */
export const ScoreSdeVpScheduler: SchedulerClass<ScoreSdeVpConfig> = defineScheduler<
  ScoreSdeVpConfig
>({
  className: "ScoreSdeVpScheduler",
  cursor: "timestep",
  schema: {
    num_train_timesteps: 2000,
    beta_min: float(0.1),
    beta_max: 20,
    sampling_eps: float(0.001),
  },
  create(config) {
    const { beta_min: low, beta_max: high, sampling_eps: end } = config;
    const makePlan = (steps: number): SchedulerPlan => ({
      timesteps: Array.from(linspace32(1, end, steps)),
    });
    return {
      training: makePlan(config.num_train_timesteps),
      plan: ({ numInferenceSteps }) => makePlan(numInferenceSteps!),
      step({ timesteps }, { timestep: t, sample: x, output, noise }) {
        const square = f(f(-0.25 * f(t * t)) * f(high - low));
        const log = f(square - f(f(0.5 * t) * f(low)));
        const std = f(Math.sqrt(f(1 - f(Math.exp(f(2 * log))))));
        const score = output.mul(-1).div(std);
        const h = 1 / timesteps.length;
        const beta = f(low + f(t * f(high - low)));
        const root = f(Math.sqrt(beta));
        const drift = x.mul(f(-0.5 * beta)).sub(score.mul(f(root * root)));
        const mean = x.add(drift.mul(-h));
        return { sample: mean.add(noise().mul(f(root * f(Math.sqrt(h))))), mean };
      },
    };
  },
});

/** A scheduler made by the class {@linkcode ScoreSdeVpScheduler}. */
export type ScoreSdeVpScheduler = Scheduler<ScoreSdeVpConfig>;
