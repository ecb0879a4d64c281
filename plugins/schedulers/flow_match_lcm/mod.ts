/**
 * LCM on a rectified flow: sampling of distilled flow models that say x0 at once, also growing from a
 * small image to a large one on the way (scale-wise distillation).
 *
 * One model call a step, stochastic. It solves no equation step by step, so it has no order.
 *
 *     x = (1 − σ)·x0 + σ·ε        x0 = x − σ·v        x' = (1 − σ')·x0 + σ'·n
 *
 * x, v, n: [N, C, ...], any shape whose first axis is the batch; v = ε − x0: what the model predicts;
 * n: standard normal noise; σ: the share of noise, falling to σ' and at last to 0. Sigmas are shifted
 * as by FlowMatchEulerDiscreteScheduler. With `scale_factors` x0 after step i is brought to that many
 * times the first size, in the way of `upscale_mode`, and the next step goes on with it.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), a TypeError where `mu` is
 * missing or numbers of steps, timesteps and sigmas differ, and a RangeError for other than one scale
 * factor less than steps.
 *
 * Luo et al., Latent Consistency Models, arXiv:2310.04378; Starodubcev et al., Scale-wise
 * Distillation, arXiv:2503.16397. All options of `FlowMatchLCMScheduler` in diffusers are covered: its
 * `scale_noise` is `addNoise`, its `set_shift` and `set_scale_factors` are the options `shift`,
 * `scaleFactors` and `upscaleMode` of `setTimesteps`.
 *
 * @example
 * ```ts
 * import { FlowMatchLCMScheduler } from "@denoise/scheduler-flow-match-lcm";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new FlowMatchLCMScheduler({ shift: 3, scale_factors: [1, 1.5, 2] });
 * scheduler.setTimesteps(4);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 16, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims); // [1, 16, 16, 16]
 * ```
 *
 * @module
 */
import {
  maybe,
  numbers,
  oneOf,
  type PlanRequest,
  roundHalfEven,
  type Scheduler,
  type SchedulerClass,
} from "@denoise/core";
import {
  addFlowNoise,
  checkSigmaConfig,
  defineScheduler,
  flowOptions,
  type FlowPlanConfig,
  planFlow,
  SIGMA_RANGE,
  type SigmaPlan,
  trainedFlowPlan,
} from "@denoise/schedules";
import { interpolate, type InterpolationMode } from "./interpolate.ts";

/** Options of {@linkcode FlowMatchLCMScheduler}, as in scheduler_config.json. */
export interface FlowMatchLCMConfig extends FlowPlanConfig {
  /** How many times the first size x0 is after each step but the last. */
  readonly scale_factors: readonly number[] | null;
  /** How x0 is enlarged. */
  readonly upscale_mode:
    | "bicubic"
    | "area"
    | "bilinear"
    | "linear"
    | "nearest"
    | "nearest-exact"
    | "trilinear";
}

interface FlowMatchLCMPlan extends SigmaPlan {
  /** How many times the first size x0 is after each step but the last; empty for no change. */
  readonly scaleFactors: readonly number[];
  readonly upscaleMode: InterpolationMode;
}

const CLASS_NAME = "FlowMatchLCMScheduler";
const f = Math.fround;

/** Few-step sampling of flow models. */
export const FlowMatchLCMScheduler: SchedulerClass<FlowMatchLCMConfig> = defineScheduler<
  FlowMatchLCMConfig,
  FlowMatchLCMPlan,
  { readonly size: readonly number[] }
>({
  className: CLASS_NAME,
  foreignOptions: SIGMA_RANGE,
  planOptions: ["timesteps", "sigmas", "mu", "shift", "scaleFactors", "upscaleMode"],
  plansTogether: true,
  schema: {
    ...flowOptions,
    scale_factors: maybe(numbers),
    upscale_mode: oneOf(
      "bicubic",
      "area",
      "bilinear",
      "linear",
      "nearest",
      "nearest-exact",
      "trilinear",
    ),
  },
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    const scalingOf = (request: PlanRequest) => ({
      scaleFactors: (request["scaleFactors"] ?? config.scale_factors ?? []) as readonly number[],
      upscaleMode: (request["upscaleMode"] ?? config.upscale_mode) as InterpolationMode,
    });
    return {
      training: { ...trainedFlowPlan(config), ...scalingOf({}) },
      plan(request) {
        const plan = planFlow(CLASS_NAME, config, request);
        const scaling = scalingOf(request);
        const [steps, factors] = [plan.timesteps.length, scaling.scaleFactors.length];
        if (factors > 0 && factors !== steps - 1) {
          throw new RangeError(
            `Cannot plan ${steps} steps of ${CLASS_NAME}: give ${steps - 1} scale factors, ` +
              `not ${factors}`,
          );
        }
        return { ...plan, ...scaling };
      },
      step(plan, { index, sample, output, noise, state }) {
        const [sigma, next] = [plan.sigmas[index]!, plan.sigmas[index + 1]!];
        const size = state?.size ?? output.dims.slice(2);
        const predicted = sample.astype("float32").sub(output.mul(sigma));
        const factor = plan.scaleFactors[index];
        const x0 = factor === undefined ? predicted : interpolate(
          predicted,
          size.map((length) => roundHalfEven(factor * length)),
          plan.upscaleMode,
        );
        const moved = x0.mul(f(1 - next)).add(noise(x0.dims).mul(next));
        return { sample: moved.astype(output.dtype), denoised: x0, state: { size } };
      },
      addNoise: addFlowNoise,
    };
  },
});

/** A scheduler made by the class {@linkcode FlowMatchLCMScheduler}. */
export type FlowMatchLCMScheduler = Scheduler<FlowMatchLCMConfig>;
