import type { Scheduler } from "@denoise/core";

/**
 * The part of a planned run that a strength leaves: the first steps are skipped, since the image
 * given to begin with is not all noise. The scheduler begins there.
 *
 * @param strength 1 runs all steps, 0 none.
 * @param steps How many steps were planned.
 * @returns The timesteps of the model calls that are left.
 * @throws {RangeError} for a strength outside 0..1, and when no step is left.
 */
export function strengthTimesteps(
  scheduler: Scheduler,
  strength: number,
  steps: number,
): readonly number[] {
  checkStrength(strength);
  const left = Math.min(Math.trunc(steps * strength), steps);
  if (left < 1) {
    throw new RangeError(
      `Cannot run with strength ${strength}: of ${steps} steps none is left; give a strength of ` +
        `at least ${Math.ceil(1000 / steps) / 1000}, or more numInferenceSteps`,
    );
  }
  const start = (steps - left) * scheduler.order;
  scheduler.setBeginIndex(start);
  return scheduler.timesteps.slice(start);
}

/**
 * Checks how much of an image is to be changed.
 *
 * @throws {RangeError} for a strength outside 0..1.
 */
export function checkStrength(strength: number): void {
  if (strength >= 0 && strength <= 1) return;
  throw new RangeError(`Cannot run with strength ${strength}: it must be a number from 0 to 1`);
}
