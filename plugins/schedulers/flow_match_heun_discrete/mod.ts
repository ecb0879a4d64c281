/**
 * Heun's method on a rectified flow: a step of Euler's method, corrected with the slope at its end.
 *
 * Order 2, two model calls a step (one at the last): every timestep but the first comes twice.
 * Stochastic where `sChurn` is above 0.
 *
 *     x = (1 − σ)·x0 + σ·ε        v = ε − x0
 *     x̃ = x + (σ' − σ)·v        x' = x + (σ' − σ)·(v + ṽ)/2
 *
 * x, v: any shape whose first axis is the batch; v: what the model predicts, ṽ: for x̃; σ: the share
 * of noise, falling from 1 to σ' and at last to 0. Sigmas are shifted towards noise by `shift`
 * (twice, as in diffusers).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Karras et al., arXiv:2206.00364, algorithm 1; Esser et al., arXiv:2403.03206. All options of
 * `FlowMatchHeunDiscreteScheduler` in diffusers are covered; its `scale_noise` is `addNoise`.
 *
 * @example
 * ```ts
 * import { FlowMatchHeunDiscreteScheduler } from "@denoise/scheduler-flow-match-heun-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new FlowMatchHeunDiscreteScheduler();
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
import { float, type Scheduler, type SchedulerClass, type Tensor } from "@denoise/core";
import {
  addFlowNoise,
  defineScheduler,
  linspace,
  shiftSigmas,
  type SigmaPlan,
  toFloat32,
  trainedFlowPlan,
} from "@denoise/schedules";

/** Options of {@linkcode FlowMatchHeunDiscreteScheduler}, as in scheduler_config.json. */
export interface FlowMatchHeunDiscreteConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** How far sigmas are shifted towards noise; 1 for not at all. */
  readonly shift: number;
}

/** Options of a step, with the letters of the paper's algorithm 2. */
export interface FlowMatchHeunDiscreteStepOptions {
  /** How much noise is added over the whole run. Defaults to 0. */
  readonly sChurn?: number | undefined;
  /** Noise is added from this σ on. Defaults to 0. */
  readonly sTmin?: number | undefined;
  /** Noise is added up to this σ. Defaults to Infinity. */
  readonly sTmax?: number | undefined;
  /** Standard deviation of the noise that is added. Defaults to 1. */
  readonly sNoise?: number | undefined;
}

/** What the second half of a step needs of the first. */
interface HalfStep {
  readonly sample: Tensor;
  readonly slope: Tensor;
  readonly length: number;
}

const f = Math.fround;

/** Euler's method along straight paths, each step corrected. */
export const FlowMatchHeunDiscreteScheduler: SchedulerClass<
  FlowMatchHeunDiscreteConfig,
  FlowMatchHeunDiscreteStepOptions
> = defineScheduler<
  FlowMatchHeunDiscreteConfig,
  SigmaPlan,
  HalfStep,
  FlowMatchHeunDiscreteStepOptions
>({
  className: "FlowMatchHeunDiscreteScheduler",
  order: 2,
  stepOptions: ["sChurn", "sTmin", "sTmax", "sNoise"],
  schema: {
    num_train_timesteps: 1000,
    shift: float(1),
  },
  create(config) {
    const { num_train_timesteps: trained, shift } = config;
    const training = trainedFlowPlan(config);
    return {
      training,
      plan({ numInferenceSteps }) {
        const [most, least] = [training.sigmas[0]!, training.sigmas[trained - 1]!];
        const spaced = linspace(most * trained, least * trained, numInferenceSteps!);
        const falling = toFloat32(shiftSigmas(spaced.map((t) => t / trained), shift));
        const [first, ...others] = falling;
        const [start, ...rest] = falling.map((sigma) => f(sigma * trained));
        return {
          timesteps: [start!, ...rest.flatMap((t) => [t, t])],
          sigmas: [first!, ...others.flatMap((sigma) => [sigma, sigma]), 0],
        };
      },
      step({ sigmas }, { index, sample, output, state: half, noise, options }) {
        const { sChurn = 0, sTmin = 0, sTmax = Infinity, sNoise = 1 } = options;
        const place = half === undefined ? index : index - 1;
        const [sigma, next] = [sigmas[place]!, sigmas[place + 1]!];
        const gamma = sTmin <= sigma && sigma <= sTmax
          ? Math.min(sChurn / (sigmas.length - 1), Math.SQRT2 - 1)
          : 0;
        const raised = f(sigma * f(gamma + 1));
        const added = Math.sqrt(f(f(raised * raised) - f(sigma * sigma)));
        let x = sample.astype("float32");
        if (gamma > 0) x = x.add(noise().mul(sNoise).mul(added));

        const level = half === undefined ? sigma : next;
        const x0 = x.sub(output.mul(level));
        const slope = x.sub(x0).div(half === undefined ? raised : next);
        if (half === undefined) {
          const length = f(next - raised);
          const moved = x.add(slope.mul(length)).astype(output.dtype);
          return { sample: moved, denoised: x0, state: { sample: x, slope, length } };
        }
        const mean = half.slope.add(slope).mul(0.5);
        const moved = half.sample.add(mean.mul(half.length));
        return { sample: moved.astype(output.dtype), denoised: x0 };
      },
      addNoise: addFlowNoise,
    };
  },
});

/** A scheduler made by the class {@linkcode FlowMatchHeunDiscreteScheduler}. */
export type FlowMatchHeunDiscreteScheduler = Scheduler<
  FlowMatchHeunDiscreteConfig,
  FlowMatchHeunDiscreteStepOptions
>;
