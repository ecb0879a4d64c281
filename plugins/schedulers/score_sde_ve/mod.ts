/**
 * The variance exploding stochastic differential equation, with a predictor and a corrector.
 *
 * Order 1, stochastic, 1 + `correct_steps` model calls a step: the corrector (`stepCorrect`) that
 * often, then the predictor (`step`).
 *
 *     step:         m = x + (σ² − σ'²)·s        x' = m + √(σ² − σ'²)·n
 *     stepCorrect:  x' = x + a·s + √(2a)·n        a = 2·(r·|n|/|s|)²
 *
 * x, s, n: [N, C, H, W], any shape whose first axis is the batch; s: the model's output, the score
 * ∇ log p(x); n: standard normal noise; σ: standard deviation of the noise in units of the data,
 * falling to σ' and at last to 0; r: `snr`; |·|: length of a sample, averaged over the batch. The
 * model is given the σ of the plan as timestep (`sigmas`). The result of a run is m of its last
 * step (`prevSampleMean`), without noise.
 *
 * Timesteps are continuous, from 1 down to `sampling_eps`; `addNoise` instead takes places from 0
 * among the rising σ of the plan, as diffusers does. `setTimesteps` makes the σ too
 * (`set_timesteps` and `set_sigmas` of diffusers).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Song et al., Score-Based Generative Modeling through Stochastic Differential Equations,
 * arXiv:2011.13456, algorithms 2 and 4. All options of `ScoreSdeVeScheduler` in diffusers are
 * covered; its `step_pred` is `step` here.
 *
 * @example
 * ```ts
 * import { ScoreSdeVeScheduler } from "@denoise/scheduler-score-sde-ve";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new ScoreSdeVeScheduler({ sigma_max: 50 });
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 3, 8, 8]).mul(scheduler.initNoiseSigma);
 * let mean = sample;
 * for (const [i, t] of scheduler.timesteps.entries()) {
 *   const score = () => sample.mul(-1 / (scheduler.sigmas![i]! ** 2 + 1)); // a model's output
 *   sample = scheduler.stepCorrect(score(), sample, { generator });
 *   const output = scheduler.step(score(), t, sample, { generator });
 *   sample = output.prevSample;
 *   mean = output.prevSampleMean!;
 * }
 * console.log(mean.dims);
 * ```
 *
 * @module
 */
import {
  float,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseBySigma,
  defineScheduler,
  exponentialSigmas32,
  linspace32,
  type SigmaPlan,
} from "@denoise/schedules";

/** Options of {@linkcode ScoreSdeVeScheduler}, as in scheduler_config.json. */
export interface ScoreSdeVeConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** r, the signal-to-noise ratio that the corrector goes by. */
  readonly snr: number;
  /** The smallest σ. */
  readonly sigma_min: number;
  /** The largest σ. */
  readonly sigma_max: number;
  /** The last timestep. */
  readonly sampling_eps: number;
  /** How often a sample is corrected before each step, by whoever calls the model. */
  readonly correct_steps: number;
}

interface ScoreSdeVePlan extends SigmaPlan {
  /** σ from the smallest to the largest, one for each step. */
  readonly rising: readonly number[];
}

const f = Math.fround;

/** Predictor and corrector of the variance exploding equation. */
export const ScoreSdeVeScheduler: SchedulerClass<ScoreSdeVeConfig> = defineScheduler<
  ScoreSdeVeConfig,
  ScoreSdeVePlan
>({
  className: "ScoreSdeVeScheduler",
  cursor: "timestep",
  stepsUnplanned: true,
  planOptions: ["samplingEps", "sigmaMin", "sigmaMax"],
  schema: {
    num_train_timesteps: 2000,
    snr: float(0.15),
    sigma_min: float(0.01),
    sigma_max: float(1348),
    sampling_eps: float(1e-05),
    correct_steps: 1,
  },
  create(config) {
    const makePlan = (request: PlanRequest): ScoreSdeVePlan => {
      const steps = request.numInferenceSteps!;
      const end = Number(request["samplingEps"] ?? config.sampling_eps);
      const min = Number(request["sigmaMin"] ?? config.sigma_min);
      const max = Number(request["sigmaMax"] ?? config.sigma_max);
      const timesteps = Array.from(linspace32(1, end, steps));
      return {
        timesteps,
        sigmas: timesteps.map((t) => f(f(min) * f((max / min) ** t))),
        rising: exponentialSigmas32(steps, { min, max }).reverse(),
        initNoiseSigma: config.sigma_max,
      };
    };
    return {
      training: makePlan({ numInferenceSteps: config.num_train_timesteps }),
      plan: makePlan,
      step({ rising }, { timestep, sample: x, output, noise }) {
        const place = Math.trunc(f(timestep * (rising.length - 1)));
        const [sigma, next] = [rising[place]!, rising[place - 1] ?? 0];
        const diffusion = f(Math.sqrt(f(f(sigma * sigma) - f(next * next))));
        const mean = x.add(output.mul(f(diffusion * diffusion)));
        return { sample: mean.add(noise().mul(diffusion)), mean };
      },
      correct(_plan, { sample: x, output, noise }) {
        const n = noise();
        const ratio = f(f(config.snr * meanLength(n)) / meanLength(output));
        const size = f(f(ratio * ratio) * 2);
        return x.add(output.mul(size)).add(n.mul(Math.sqrt(f(size * 2))));
      },
      addNoise: ({ rising }, original, noise, places) =>
        addNoiseBySigma(
          { sigmas: rising, timesteps: rising.map((_, place) => place) },
          original,
          noise,
          places,
        ),
    };
  },
});

/** A scheduler made by the class {@linkcode ScoreSdeVeScheduler}. */
export type ScoreSdeVeScheduler = Scheduler<ScoreSdeVeConfig>;

/** The Euclidean length of each sample, averaged over the batch, in float32. */
function meanLength(batch: Tensor): number {
  const rows = batch.astype("float32").reshape([batch.dims[0]!, -1]);
  const squares = rows.astype("float64").pow(2).sum(1);
  return squares.sqrt().astype("float32").mean().item();
}
