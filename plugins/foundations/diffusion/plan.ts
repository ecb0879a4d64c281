import type { PlanRequest, Scheduler } from "@denoise/core";
import { type DenoisingRangeOptions, timestepsFrom } from "./denoising_range.ts";
import { checkStepLeft, strengthTimesteps } from "./strength.ts";
import { retrieveTimesteps, type TimestepOptions } from "./timesteps.ts";

/** Which timesteps a run goes through. */
export interface PlanOptions
  extends TimestepOptions, Pick<DenoisingRangeOptions, "denoisingStart"> {
  /** Denoising strength, 0..1: the part of the steps that is run. */
  readonly strength?: number | undefined;
}

/** The timesteps of a run. */
export interface RunPlan {
  /** The timesteps to go through. */
  readonly timesteps: readonly number[];
  /** How many steps were planned, of which a strength leaves a part. */
  readonly steps: number;
}

/**
 * Plans a run, and lets it begin where its strength or `denoisingStart` says.
 *
 * @param extra Options that only some schedulers know.
 * @throws {RangeError} when a strength leaves no timestep.
 */
export function planRun(
  scheduler: Scheduler,
  options: PlanOptions,
  extra: PlanRequest = {},
): RunPlan {
  const { strength, denoisingStart } = options;
  const planned = retrieveTimesteps(scheduler, options, extra);
  const steps = scheduler.numInferenceSteps ?? planned.length;
  if (denoisingStart !== undefined) {
    return { steps, timesteps: timestepsFrom(scheduler, denoisingStart) };
  }
  if (strength === undefined) return { steps, timesteps: planned };
  return { steps, timesteps: strengthTimesteps(scheduler, strength, steps) };
}

/**
 * The same for inpainting, which in most classes of diffusers asks for a whole step.
 *
 * @throws {RangeError} when a strength leaves no whole step.
 */
export function planInpainting(scheduler: Scheduler, options: PlanOptions): RunPlan {
  const { strength = 1, denoisingStart } = options;
  const plan = planRun(scheduler, options);
  if (denoisingStart === undefined) checkStepLeft(strength, plan.steps);
  return plan;
}
