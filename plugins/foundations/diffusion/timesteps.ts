import type { CallOptions, PlanRequest, Scheduler } from "@denoise/core";

/** How a run's timesteps are chosen. */
export interface TimestepOptions {
  /** Number of denoising steps. */
  readonly numInferenceSteps?: number | undefined;
  /** Own timesteps, falling, for schedulers that take them. */
  readonly timesteps?: readonly number[] | undefined;
  /** Own sigmas, falling, for schedulers that take them. */
  readonly sigmas?: readonly number[] | undefined;
}

/** How calls of flow models say their steps, whose schedulers take no timesteps. */
export type FlowStepOptions = Omit<TimestepOptions, "timesteps">;

/** The declarations of {@linkcode FlowStepOptions}. */
export const flowStepOptions: CallOptions<FlowStepOptions> = {
  numInferenceSteps: { type: "integer", minimum: 1, cost: "steps" },
  sigmas: { type: "number", list: "required" },
};

/** The declarations of {@linkcode TimestepOptions}. */
export const timestepOptions: CallOptions<TimestepOptions> = {
  ...flowStepOptions,
  timesteps: { type: "number", list: "required" },
};

/**
 * Plans a run on a scheduler (`retrieve_timesteps` of diffusers).
 *
 * @param extra Options that only some schedulers know.
 * @returns The timesteps of the model calls.
 * @throws {TypeError} when both are given, or the scheduler does not take them.
 */
export function retrieveTimesteps(
  scheduler: Scheduler,
  options: TimestepOptions,
  extra: PlanRequest = {},
): readonly number[] {
  const { numInferenceSteps, timesteps, sigmas } = options;
  if (timesteps !== undefined && sigmas !== undefined) {
    throw new TypeError("Cannot plan the run: give either timesteps or sigmas, not both");
  }
  for (const [name, values] of Object.entries({ timesteps, sigmas })) {
    if (values !== undefined && !scheduler.takesPlanOption(name)) {
      throw new TypeError(
        `Cannot plan the run: ${scheduler.className} takes no ${name} of one's own; give ` +
          `numInferenceSteps, or use a scheduler that does, such as EulerDiscreteScheduler`,
      );
    }
  }
  const steps = timesteps === undefined && sigmas === undefined ? numInferenceSteps : undefined;
  scheduler.setTimesteps(steps, {
    ...extra,
    ...(timesteps === undefined ? {} : { timesteps }),
    ...(sigmas === undefined ? {} : { sigmas }),
  });
  return scheduler.timesteps;
}
