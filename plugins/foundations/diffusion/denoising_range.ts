import { type CallOptions, roundHalfEven, type Scheduler } from "@denoise/core";

/** Which part of a run a call makes, so that another model can make the rest. */
export interface DenoisingRangeOptions {
  /** The part of the noise that is gone already, 0..1; the latents given are taken as they are. */
  readonly denoisingStart?: number | undefined;
  /** Where the run ends early, 0..1; give its latents to a run with that `denoisingStart`. */
  readonly denoisingEnd?: number | undefined;
}

/** The declarations of {@linkcode DenoisingRangeOptions}. */
export const denoisingRangeOptions: CallOptions<DenoisingRangeOptions> = {
  denoisingStart: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
  denoisingEnd: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
};

/**
 * Checks the part of the noise that a run takes away.
 *
 * @throws {RangeError} for a start that is not before the end.
 */
export function checkDenoisingRange(
  { denoisingStart, denoisingEnd }: DenoisingRangeOptions,
): void {
  if (denoisingStart === undefined || denoisingEnd === undefined) return;
  if (denoisingStart < denoisingEnd) return;
  throw new RangeError(
    `Cannot run from denoisingStart ${denoisingStart} to denoisingEnd ${denoisingEnd}: the start ` +
      `must be smaller`,
  );
}

/** The training timestep at which that part of the noise is gone, rounded as Python does. */
function cutoff(scheduler: Scheduler, part: number): number {
  const { num_train_timesteps } = scheduler.config as unknown as { num_train_timesteps: number };
  return roundHalfEven(num_train_timesteps - part * num_train_timesteps);
}

/** Begins a planned run where that part of the noise is gone; the timesteps that are left. */
export function timestepsFrom(scheduler: Scheduler, denoisingStart: number): readonly number[] {
  const { timesteps, order } = scheduler;
  const limit = cutoff(scheduler, denoisingStart);
  let left = timesteps.filter((timestep) => timestep < limit).length;
  // A method of order 2 visits all timesteps but the highest twice; it must not begin in between.
  if (order === 2 && left % 2 === 0) left++;
  if (left < 1) {
    throw new RangeError(
      `Cannot run from denoisingStart ${denoisingStart}: no timestep of ${timesteps.length} is left`,
    );
  }
  const start = timesteps.length - left;
  scheduler.setBeginIndex(start);
  return timesteps.slice(start);
}

/** The timesteps of a run up to where that part of the noise is gone. */
export function timestepsUpTo(
  scheduler: Scheduler,
  timesteps: readonly number[],
  denoisingEnd: number | undefined,
): readonly number[] {
  if (denoisingEnd === undefined) return timesteps;
  const limit = cutoff(scheduler, denoisingEnd);
  return timesteps.filter((timestep) => timestep >= limit);
}
