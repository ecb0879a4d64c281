/**
 * Sampling of continuous-time consistency models in the TrigFlow form (Sana-Sprint, sCM): each step
 * says the clean sample at once and adds fresh noise of the next level.
 *
 * One model call a step, stochastic (but for a last step to 0). It solves no equation step by step,
 * so it has no order.
 *
 *     x0 = cos(t)·x − sin(t)·F        x' = cos(t')·x0 + sin(t')·σd·n
 *
 * x, F, n: [N, C, H, W], any shape whose first axis is the batch; F: the model's output; n: standard
 * normal noise; t: the timestep, an angle from π/2 down, t': the next one, at last 0; σd:
 * `sigma_data`, the standard deviation of the data, which the first noise has to be multiplied with.
 *
 * A plan is of `maxTimesteps` (1.5708 by default), falling to 0 in equal steps, with two steps by
 * way of `intermediateTimesteps` (1.3 by default; null for equal steps), or of timesteps of one's
 * own, one more than steps, the last of which is where the run ends. `timesteps` then lists those
 * that a model is called with, without the end that diffusers lists too.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a TypeError for
 * options of a plan that contradict each other.
 *
 * Lu and Song, Simplifying, Stabilizing and Scaling Continuous-Time Consistency Models,
 * arXiv:2410.11081; Chen et al., SANA-Sprint, arXiv:2503.09641. All options of `SCMScheduler` in
 * diffusers are covered.
 *
 * @example
 * ```ts
 * import { SCMScheduler } from "@denoise/scheduler-scm";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new SCMScheduler();
 * scheduler.setTimesteps(2);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 4, 8, 8]).mul(scheduler.config.sigma_data);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(scheduler.timesteps); // 1.5708 and 1.3 in float32
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
  type SchedulerPlan,
} from "@denoise/core";
import { defineScheduler, linspace32, toFloat32, trainedTimesteps } from "@denoise/schedules";

/** Options of {@linkcode SCMScheduler}, as in scheduler_config.json. */
export interface SCMConfig {
  /** Number of trained timesteps: the most steps that there can be. */
  readonly num_train_timesteps: number;
  /** What the model predicts: `"trigflow"`. */
  readonly prediction_type: "trigflow";
  /** σd, the standard deviation of the data. */
  readonly sigma_data: number;
}

interface SCMPlan extends SchedulerPlan {
  /** The timestep where the run ends. */
  readonly end: number;
}

const CLASS_NAME = "SCMScheduler";
const f = Math.fround;

/** Few-step sampling of TrigFlow consistency models. */
export const SCMScheduler: SchedulerClass<SCMConfig> = defineScheduler<SCMConfig, SCMPlan>({
  className: CLASS_NAME,
  planOptions: ["timesteps", "maxTimesteps", "intermediateTimesteps"],
  schema: {
    num_train_timesteps: 1000,
    prediction_type: oneOf("trigflow"),
    sigma_data: float(0.5),
  },
  create: (config) => ({
    training: { timesteps: trainedTimesteps(config.num_train_timesteps), end: 0 },
    plan(request) {
      const all = timestepsOf(request);
      return { timesteps: all.slice(0, -1), end: all.at(-1)! };
    },
    step({ timesteps, end }, { index, timestep: t, sample: x, output, noise }) {
      const next = timesteps[index + 1] ?? end;
      const x0 = x.mul(f(Math.cos(t))).sub(output.mul(f(Math.sin(t))));
      const added = noise().mul(config.sigma_data).mul(f(Math.sin(next)));
      return { sample: x0.mul(f(Math.cos(next))).add(added), denoised: x0 };
    },
  }),
});

/** A scheduler made by the class {@linkcode SCMScheduler}. */
export type SCMScheduler = Scheduler<SCMConfig>;

/** The timesteps of a request and the one where it ends. */
function timestepsOf(request: PlanRequest): number[] {
  const { timesteps: own, numInferenceSteps: steps } = request;
  const { maxTimesteps: most, intermediateTimesteps: middle } = request as {
    readonly maxTimesteps?: number | null;
    readonly intermediateTimesteps?: number | null;
  };
  if (own !== undefined) {
    if ((most ?? middle ?? undefined) !== undefined) {
      throw new TypeError(
        `Cannot plan ${CLASS_NAME}: timesteps take no maxTimesteps or intermediateTimesteps ` +
          "beside them",
      );
    }
    if (own.length > 1) return toFloat32(own);
    throw new RangeError(
      `Cannot plan ${CLASS_NAME}: give at least two timesteps, the last of which is where the ` +
        "run ends, such as [1.5708, 0]",
    );
  }
  if (typeof middle === "number" && steps !== 2) {
    throw new TypeError(
      `Cannot plan ${CLASS_NAME}: intermediateTimesteps is for 2 steps, but there are ${steps}`,
    );
  }
  const start = most ?? 1.5708;
  return steps === 2 && middle !== null
    ? toFloat32([start, middle ?? 1.3, 0])
    : Array.from(linspace32(start, 0, steps! + 1));
}
