import type { Scheduler, Tensor } from "@denoise/core";
import { linspace32 } from "@denoise/schedules";
import type { PlanOptions, RunPlan } from "./plan.ts";
import { retrieveTimesteps } from "./timesteps.ts";

/** How the shift of a flow grows with the size of the image, as scheduler configs say it. */
export interface ShiftConfig {
  /** Tokens of a small image. */
  readonly base_image_seq_len?: number | undefined;
  /** Tokens of a large image. */
  readonly max_image_seq_len?: number | undefined;
  /** The shift of a small image. */
  readonly base_shift?: number | undefined;
  /** The shift of a large image. */
  readonly max_shift?: number | undefined;
}

/**
 * The shift μ of an image of so many tokens, on a line through a small and a large image
 * (`calculate_shift` of diffusers).
 */
export function calculateShift(tokens: number, config: ShiftConfig = {}): number {
  const { base_image_seq_len: low = 256, max_image_seq_len: high = 4096 } = config;
  const { base_shift: base = 0.5, max_shift: max = 1.15 } = config;
  const slope = (max - base) / (high - low);
  return tokens * slope + (base - slope * low);
}

/**
 * Plans a run of a flow: noise levels from 1 down to 1/steps in equal steps, unless the call or the
 * scheduler's config has its own, shifted by `mu`. A strength leaves the last part of them.
 *
 * @param spacing Whose `linspace` makes the steps: in float64, or in float32. Defaults to `"numpy"`.
 * @throws {RangeError} when a strength leaves no timestep.
 */
export function planFlowRun(
  scheduler: Scheduler,
  options: PlanOptions,
  mu?: number,
  spacing: "numpy" | "torch" = "numpy",
): RunPlan {
  const { numInferenceSteps: wanted = 28, sigmas, timesteps } = options;
  const even = spacing === "torch" ? [...linspace32(1, 1 / wanted, wanted)] : Array.from(
    { length: wanted },
    (_, i) => 1 + (1 / wanted - 1) * (i / (wanted - 1 || 1)),
  );
  const ownSigmas = (scheduler.config as { use_flow_sigmas?: boolean }).use_flow_sigmas === true;
  const chosen = sigmas ?? (timesteps === undefined && !ownSigmas ? even : undefined);
  return planScheduledFlow(
    scheduler,
    { ...options, numInferenceSteps: wanted, sigmas: chosen },
    mu,
  );
}

/**
 * Plans a run of a flow by the noise levels of the scheduler, unless the call has its own, shifted by
 * `mu`. A strength leaves the last part of them.
 *
 * @throws {RangeError} when a strength leaves no timestep.
 */
export function planScheduledFlow(
  scheduler: Scheduler,
  options: PlanOptions,
  mu?: number,
): RunPlan {
  const { numInferenceSteps = 28, timesteps: own, sigmas, strength } = options;
  const planned = retrieveTimesteps(
    scheduler,
    { numInferenceSteps, timesteps: own, sigmas },
    mu === undefined ? {} : { mu },
  );
  const steps = scheduler.numInferenceSteps ?? planned.length;
  if (strength === undefined) {
    scheduler.setBeginIndex(0);
    return { steps, timesteps: planned };
  }
  const skipped = Math.trunc(Math.max(steps - Math.min(steps * strength, steps), 0));
  const start = skipped * scheduler.order;
  const timesteps = planned.slice(start);
  if (timesteps.length === 0) {
    throw new RangeError(
      `Cannot run with strength ${strength}: of ${steps} steps none is left; give a larger ` +
        `strength, or more numInferenceSteps`,
    );
  }
  scheduler.setBeginIndex(start);
  return { steps, timesteps };
}

/** Latents [N, C, h, w] as a row of tokens of 2x2 each, [N, h/2·w/2, 4·C]. */
export function packLatents(latents: Tensor): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h / 2, 2, w / 2, 2]).permute([0, 2, 4, 1, 3, 5])
    .reshape([n, (h / 2) * (w / 2), 4 * c]);
}

/** The reverse of {@linkcode packLatents}, for latents of `height` and `width`. */
export function unpackLatents(tokens: Tensor, height: number, width: number): Tensor {
  const [n, , c] = tokens.dims as readonly [number, number, number];
  return tokens.reshape([n, height / 2, width / 2, c / 4, 2, 2]).permute([0, 3, 1, 4, 2, 5])
    .reshape([n, c / 4, height, width]);
}
