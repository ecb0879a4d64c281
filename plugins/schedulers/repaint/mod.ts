/**
 * RePaint: inpainting with a model that was never trained for it. Each step replaces what is known by
 * the original with noise, and the run goes back some steps again and again, so that both parts
 * agree.
 *
 * Order 1, one model call a step (none for a step back), stochastic.
 *
 *     x0 = (x − √(1 − ᾱ)·ε)/√ᾱ
 *     unknown: u = √ᾱ'·x0 + √(1 − ᾱ' − σ²)·ε + σ·n        known: k = √ᾱ'·o + √(1 − ᾱ')·n
 *     x' = m·k + (1 − m)·u
 *     undoStep:  x = √(1 − β)·x' + √β·n, once for each trained timestep in between
 *
 * x, ε, n: [N, C, H, W], any shape whose first axis is the batch; n: standard normal noise; o:
 * `originalImage`, the clean image; m: `mask`, 1 where it is known and 0 elsewhere, both of a shape
 * that broadcasts to that of x; ᾱ: what is left of the signal's variance at the timestep, ᾱ' at the one
 * a stride of trained timesteps later (1 after the last); σ² = η²·(1 − ᾱ')/(1 − ᾱ)·(1 − ᾱ/ᾱ').
 *
 * `setTimesteps` plans steps back of `jumpLength` steps (10 by default), each `jumpNSample` − 1
 * times (10 by default): where the timesteps rise, `undoStep` is called with the timestep before, in
 * place of the model and `step`.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a TypeError for a step
 * without `originalImage` and `mask`. There is no `addNoise`: train with DDPM's.
 *
 * Lugmayr et al., RePaint, arXiv:2201.09865, algorithm 1. All options of `RePaintScheduler` in
 * diffusers are covered.
 *
 * @example
 * ```ts
 * import { RePaintScheduler } from "@denoise/scheduler-repaint";
 * import { Generator, Tensor } from "@denoise/core";
 *
 * const scheduler = new RePaintScheduler();
 * scheduler.setTimesteps(10, { jumpLength: 4, jumpNSample: 2 });
 * const generator = Generator.manualSeed(0);
 * const originalImage = Tensor.zeros([1, 3, 8, 8]);
 * const mask = Tensor.cat([Tensor.ones([1, 1, 8, 4]), Tensor.zeros([1, 1, 8, 4])], 3);
 * let sample = generator.randn([1, 3, 8, 8]);
 * let before = Infinity;
 * for (const t of scheduler.timesteps) {
 *   if (t > before) {
 *     sample = scheduler.undoStep(sample, before, { generator });
 *   } else {
 *     const output = sample.mul(0.1); // a model would be called here
 *     sample = scheduler.step(output, t, sample, { originalImage, mask, generator }).prevSample;
 *   }
 *   before = t;
 * }
 * console.log(sample.dims);
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
  Tensor,
} from "@denoise/core";
import {
  type BetaConfig,
  betaOptions,
  defineScheduler,
  makeNoiseSchedule,
  toDenoised,
  trainedTimesteps,
  type UsualBetaSchedule,
} from "@denoise/schedules";

/** Options of {@linkcode RePaintScheduler}, as in scheduler_config.json. */
export interface RePaintConfig extends BetaConfig<UsualBetaSchedule | "sigmoid"> {
  /** η, the share of DDPM's noise that the unknown part is given. */
  readonly eta: number;
  /** Whether clean samples are clipped to −1..1. */
  readonly clip_sample: boolean;
}

/** Options of a step; those of `undoStep` are optional. */
export interface RePaintStepOptions {
  /** The clean image, in the range of the model. */
  readonly originalImage: Tensor;
  /** 1 where the image is known, 0 where it is to be inpainted. */
  readonly mask: Tensor;
}

interface RePaintPlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
}

const CLASS_NAME = "RePaintScheduler";
const f = Math.fround;

/** Inpainting that goes back and forth. */
export const RePaintScheduler: SchedulerClass<RePaintConfig, RePaintStepOptions> = defineScheduler<
  RePaintConfig,
  RePaintPlan,
  undefined,
  RePaintStepOptions
>({
  className: CLASS_NAME,
  cursor: "timestep",
  planOptions: ["jumpLength", "jumpNSample"],
  stepOptions: ["originalImage", "mask"],
  schema: {
    ...betaOptions,
    beta_schedule: oneOf("linear", "scaled_linear", "sigmoid", "squaredcos_cap_v2"),
    eta: float(0),
    clip_sample: true,
  },
  create(config) {
    const { num_train_timesteps: trained, eta } = config;
    const { betas, alphasCumprod } = makeNoiseSchedule(config);
    return {
      training: { timesteps: trainedTimesteps(trained), stride: 1 },
      plan(request) {
        const stride = Math.floor(trained / request.numInferenceSteps!);
        return { timesteps: placesOf(request).map((place) => place * stride), stride };
      },
      step({ stride }, { timestep, sample: x, output, noise, options }) {
        const { originalImage, mask } = options;
        if (!(originalImage instanceof Tensor) || !(mask instanceof Tensor)) {
          throw new TypeError(
            `Cannot step ${CLASS_NAME}: it needs the options originalImage and mask, two tensors`,
          );
        }
        const bar = alphasCumprod[timestep]!;
        const nextBar = alphasCumprod[timestep - stride] ?? 1;
        const [left, nextLeft] = [f(1 - bar), f(1 - nextBar)];
        const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(left) };
        const raw = toDenoised("epsilon", x, output, level);
        const x0 = config.clip_sample ? raw.clamp(-1, 1) : raw;

        const n = noise();
        const variance = f(f(nextLeft / left) * f(1 - f(bar / nextBar)));
        const sigma = f(eta * f(Math.sqrt(variance)));
        const direction = output.mul(Math.sqrt(Math.max(0, f(nextLeft - f(sigma * sigma)))));
        const mean = x0.mul(Math.sqrt(nextBar)).add(direction);
        const unknown = timestep > 0 && eta > 0 ? mean.add(n.mul(sigma)) : mean;
        const known = originalImage.mul(Math.sqrt(nextBar)).add(n.mul(Math.sqrt(nextLeft)));
        return {
          sample: mask.mul(known).add(mask.mul(-1).add(1).mul(unknown)),
          denoised: x0,
        };
      },
      undo({ stride }, { timestep, sample, noise }) {
        let x = sample;
        for (const beta of betas.subarray(timestep, timestep + stride)) {
          x = x.mul(Math.sqrt(f(1 - beta))).add(noise().mul(Math.sqrt(beta)));
        }
        return x;
      },
    };
  },
});

/** A scheduler made by the class {@linkcode RePaintScheduler}. */
export type RePaintScheduler = Scheduler<RePaintConfig, RePaintStepOptions>;

/** The way through the steps, counted down to 0, with the jumps back. */
function placesOf(request: PlanRequest): number[] {
  const steps = request.numInferenceSteps!;
  const { jumpLength = 10, jumpNSample = 10 } = request as {
    readonly jumpLength?: number;
    readonly jumpNSample?: number;
  };
  for (const [name, value] of Object.entries({ jumpLength, jumpNSample })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new RangeError(
      `Cannot plan ${CLASS_NAME}: ${name} must be an integer from 1, but is ${value}`,
    );
  }
  const jumps = new Map<number, number>();
  for (let at = 0; at < steps - jumpLength; at += jumpLength) jumps.set(at, jumpNSample - 1);
  const places: number[] = [];
  for (let place = steps; place >= 1;) {
    places.push(--place);
    const left = jumps.get(place) ?? 0;
    if (left === 0) continue;
    jumps.set(place, left - 1);
    for (let i = 0; i < jumpLength; i++) places.push(++place);
  }
  return places;
}
