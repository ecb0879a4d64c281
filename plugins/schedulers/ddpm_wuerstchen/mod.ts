/**
 * The DDPM of Würstchen and Stable Cascade: ancestral sampling in continuous time.
 *
 * Order 1, stochastic, one model call a step.
 *
 *     ᾱ(t) = cos²(π/2·(t + s)/(1 + s))/cos²(π/2·s/(1 + s)), kept in 0.0001 .. 0.9999
 *     α = ᾱ/ᾱ'        m = (x − (1 − α)/√(1 − ᾱ)·ε)/√α        x' = m + √((1 − α)·(1 − ᾱ')/(1 − ᾱ))·n
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise, which the
 * step to 0 leaves out; t: the timestep, from 1 down, with ᾱ' at the next one, at last 0. `scaler`
 * bends time: t^k below 1, 1 − (1 − t)^k above.
 *
 * Timesteps of one's own are one more than steps; the last is where the run ends. `timesteps` lists
 * those that a model is called with, without the end that diffusers lists too.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Pernias et al., Würstchen, arXiv:2306.00637. All options of `DDPMWuerstchenScheduler` in diffusers
 * are covered.
 *
 * @example
 * ```ts
 * import { DDPMWuerstchenScheduler } from "@denoise/scheduler-ddpm-wuerstchen";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DDPMWuerstchenScheduler();
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 16, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { float, type Scheduler, type SchedulerClass, type SchedulerPlan } from "@denoise/core";
import { combineBatch, defineScheduler, linspace32, toFloat32 } from "@denoise/schedules";

/** Options of {@linkcode DDPMWuerstchenScheduler}, as in scheduler_config.json. */
export interface DDPMWuerstchenConfig {
  /** How time is bent; 1 for not at all. */
  readonly scaler: number;
  /** s, which keeps noise away from 0 at the end. */
  readonly s: number;
}

interface WuerstchenPlan extends SchedulerPlan {
  /** The timestep where the run ends. */
  readonly end: number;
}

const CLASS_NAME = "DDPMWuerstchenScheduler";
const f = Math.fround;

/** Ancestral sampling in continuous time. */
export const DDPMWuerstchenScheduler: SchedulerClass<DDPMWuerstchenConfig> = defineScheduler<
  DDPMWuerstchenConfig,
  WuerstchenPlan
>({
  className: CLASS_NAME,
  cursor: "timestep",
  planOptions: ["timesteps"],
  schema: {
    scaler: float(1),
    s: float(0.008),
  },
  create(config) {
    const s = f(config.s);
    const cosine = (t: number): number => {
      const angle = f(f(f(f(t + s) / f(1 + s)) * Math.PI) * 0.5);
      return f(f(Math.cos(angle)) ** 2);
    };
    const first = cosine(0);
    const barAt = (t: number): number =>
      f(Math.min(Math.max(f(cosine(bent(t, config.scaler)) / first), 0.0001), 0.9999));
    return {
      training: { timesteps: [1], end: 0 }, // no step was trained by itself
      plan({ timesteps: own, numInferenceSteps: steps }) {
        if (own?.length === 1) {
          throw new RangeError(
            `Cannot plan ${CLASS_NAME}: give at least two timesteps, the last of which is where ` +
              "the run ends, such as [1, 0]",
          );
        }
        const all = own === undefined ? Array.from(linspace32(1, 0, steps! + 1)) : toFloat32(own);
        return { timesteps: all.slice(0, -1), end: all.at(-1)! };
      },
      step({ timesteps, end }, { index, timestep, sample: x, output, noise }) {
        const next = timesteps[index + 1] ?? end;
        const [bar, nextBar] = [barAt(timestep), barAt(next)];
        const alpha = f(bar / nextBar);
        const [beta, left, nextLeft] = [f(1 - alpha), f(1 - bar), f(1 - nextBar)];
        const mean = x.sub(output.mul(beta).div(Math.sqrt(left))).mul(Math.sqrt(f(1 / alpha)));
        const sigma = Math.sqrt(f(f(beta * nextLeft) / left));
        const n = noise();
        return { sample: next === 0 ? mean : mean.add(n.mul(sigma)) };
      },
      addNoise(_plan, original, noise, timesteps) {
        const bars = timesteps.map(barAt);
        return combineBatch(
          bars.map(Math.sqrt),
          original,
          bars.map((bar) => Math.sqrt(f(1 - bar))),
          noise,
        );
      },
    };
  },
});

/** A scheduler made by the class {@linkcode DDPMWuerstchenScheduler}. */
export type DDPMWuerstchenScheduler = Scheduler<DDPMWuerstchenConfig>;

/** Time bent by a power, in float32. */
function bent(t: number, scaler: number): number {
  if (scaler > 1) return f(1 - f(f(1 - t) ** scaler));
  return scaler < 1 ? f(t ** scaler) : t;
}
