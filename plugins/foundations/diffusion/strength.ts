import type { Scheduler } from "@denoise/core";

/**
 * The part of a planned run that a strength leaves: the first steps are skipped, since the image
 * given to begin with is not all noise. The scheduler begins there.
 *
 * Schedulers that plan more timesteps than steps (`PNDMScheduler`: one more) are left with the rest
 * of them even where no whole step is, as in diffusers; see {@linkcode checkStepLeft}.
 *
 * @param strength 1 runs all steps, 0 none.
 * @param steps How many steps were planned.
 * @param rounding Of a part of a step that is left: Stable Diffusion's pipelines drop it, those of
 * flows run it whole. Defaults to "down".
 * @returns The timesteps of the model calls that are left.
 * @throws {RangeError} when no timestep is left.
 */
export function strengthTimesteps(
  scheduler: Scheduler,
  strength: number,
  steps: number,
  rounding: "down" | "up" = "down",
): readonly number[] {
  const start = (steps - stepsLeft(strength, steps, rounding)) * scheduler.order;
  const timesteps = scheduler.timesteps.slice(start);
  if (timesteps.length === 0) throw noneLeft(strength, steps);
  scheduler.setBeginIndex(start);
  return timesteps;
}

/**
 * The same part of timesteps that a pipeline has planned itself, for schedulers that find a step by its
 * timestep.
 *
 * @throws {RangeError} when no timestep is left.
 */
export function timestepsLeft(
  timesteps: readonly number[],
  strength: number,
  steps: number,
): readonly number[] {
  const left = timesteps.slice(steps - stepsLeft(strength, steps, "down"));
  if (left.length === 0) throw noneLeft(strength, steps);
  return left;
}

/** As the reference computes it, since a float can lie just beside a whole number. */
function stepsLeft(strength: number, steps: number, rounding: "down" | "up"): number {
  const left = Math.min(steps * strength, steps);
  return rounding === "down" ? Math.trunc(left) : steps - Math.trunc(steps - left);
}

function noneLeft(strength: number, steps: number): RangeError {
  return new RangeError(
    `Cannot run with strength ${strength}: of ${steps} steps none is left; give a strength of ` +
      `at least ${Math.ceil(1000 / steps) / 1000}, or more numInferenceSteps`,
  );
}

/**
 * Checks that a strength leaves a whole step, which inpainting asks for whatever the scheduler has
 * planned.
 *
 * @throws {RangeError} when none is left.
 */
export function checkStepLeft(strength: number, steps: number): void {
  if (stepsLeft(strength, steps, "down") < 1) throw noneLeft(strength, steps);
}
