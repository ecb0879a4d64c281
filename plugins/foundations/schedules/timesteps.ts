import { type ConfigSchema, oneOf, type PlanRequest, roundHalfEven } from "@denoise/core";
import { arange, linspace, toFloat32 } from "./math.ts";

/**
 * How the timesteps of a run are spread over the trained ones (arXiv:2305.08891, table 2):
 * `linspace` from the first to the last, `leading` multiples of a whole step from the first,
 * `trailing` steps counted down from the last.
 */
export type TimestepSpacing = "linspace" | "leading" | "trailing";

/** The part of a scheduler's config that spaces its timesteps. */
export interface SpacingConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** How timesteps are spread over the trained ones. */
  readonly timestep_spacing: TimestepSpacing;
  /** Added to the timesteps of `leading`. */
  readonly steps_offset?: number | undefined;
}

/** The options that space timesteps. */
export const spacingOptions: ConfigSchema<Omit<SpacingConfig, "num_train_timesteps">> = {
  timestep_spacing: oneOf("linspace", "leading", "trailing"),
  steps_offset: 0,
};

/** Options of {@linkcode spaceTimesteps}. */
export interface SpacingOptions {
  /**
   * What the timesteps are. `"integer"`, the default: rounded, ties to even, as an int64 tensor
   * holds them. `"float32"` and `"float64"`: those of `linspace` keep their fractions.
   */
  readonly as?: "integer" | "float32" | "float64" | undefined;
  /**
   * Plan one step more and leave out the last, timestep 0 (multistep methods such as DPM-Solver,
   * for `linspace` and `leading`).
   */
  readonly withoutLast?: boolean | undefined;
  /** Number of trained timesteps that are used, when high noise is cut off. Defaults to all. */
  readonly usedTimesteps?: number | undefined;
}

/**
 * Checks the number of steps.
 *
 * @param most The largest number allowed.
 * @throws {RangeError} unless it is an integer from 1 to `most`.
 */
export function checkSteps(steps: number, most = Infinity): void {
  if (Number.isInteger(steps) && steps >= 1 && steps <= most) return;
  throw new RangeError(
    `Cannot plan ${steps} steps: steps must be an integer from 1` +
      (most === Infinity ? "" : ` to ${most}`),
  );
}

/**
 * The falling timesteps of a run of `steps` steps. `trailing` may give one more than asked for
 * where 1/steps is not exact, as it does in the reference.
 *
 * @throws {RangeError} for a number of steps below 1 or another spacing.
 *
 * @example
 * ```ts
 * import { spaceTimesteps } from "@denoise/schedules";
 * import { assertEquals } from "@std/assert";
 *
 * const config = {
 *   num_train_timesteps: 1000,
 *   timestep_spacing: "leading",
 *   steps_offset: 1,
 * } as const;
 * assertEquals(spaceTimesteps(config, 4), [751, 501, 251, 1]);
 * ```
 */
export function spaceTimesteps(
  config: SpacingConfig,
  steps: number,
  options: SpacingOptions = {},
): number[] {
  checkSteps(steps);
  const { as = "integer", withoutLast = false } = options;
  const used = options.usedTimesteps ?? config.num_train_timesteps;
  const points = withoutLast ? steps + 1 : steps;
  switch (config.timestep_spacing) {
    case "linspace": {
      const spread = linspace(0, used - 1, points);
      const kept = as === "integer"
        ? spread.map(roundHalfEven)
        : as === "float32"
        ? toFloat32(spread)
        : spread;
      return kept.reverse().slice(0, steps);
    }
    case "leading": {
      const ratio = Math.floor(used / points);
      const offset = config.steps_offset ?? 0;
      return Array.from({ length: points }, (_, i) => i * ratio + offset).reverse().slice(0, steps);
    }
    case "trailing": {
      const ratio = config.num_train_timesteps / steps;
      return arange(used, 0, -ratio).map((t) => roundHalfEven(t) - 1);
    }
    default:
      throw new RangeError(
        'Cannot space timesteps: timestep_spacing must be one of "linspace", "leading", ' +
          `"trailing", but is ${JSON.stringify(config.timestep_spacing)}`,
      );
  }
}

/**
 * Where a timestep stands in a schedule. Of several equal ones it is the second, so that a run
 * that starts in the middle of a second-order method's schedule does not skip a sigma.
 *
 * @throws {RangeError} when it is not in the schedule.
 */
export function indexForTimestep(timesteps: readonly number[], timestep: number): number {
  const first = timesteps.indexOf(timestep);
  if (first < 0) {
    throw new RangeError(
      `Timestep ${timestep} is not in the schedule ${timesteps.slice(0, 3).join(", ")} ... ` +
        `${timesteps[timesteps.length - 1]}`,
    );
  }
  const second = timesteps.indexOf(timestep, first + 1);
  return second < 0 ? first : second;
}

/** Every trained timestep, from the last to 0: the plan before a number of steps is known. */
export function trainedTimesteps(count: number): number[] {
  return Array.from({ length: count }, (_, i) => count - 1 - i);
}

/**
 * The timesteps of a request: one's own, or the config's for the number of steps.
 *
 * @throws {RangeError} for timesteps outside 0 .. num_train_timesteps − 1, or fractional ones
 *   where the plan is of integers.
 */
export function planTimesteps(
  config: SpacingConfig,
  request: PlanRequest,
  options: SpacingOptions = {},
): number[] {
  const { as = "integer" } = options;
  const { num_train_timesteps: trained } = config;
  const isOwn = request.timesteps !== undefined;
  const timesteps = !isOwn
    ? spaceTimesteps(config, request.numInferenceSteps!, options)
    : as === "integer"
    ? request.timesteps.map(Math.trunc)
    : toFloat32(request.timesteps);
  const outside = timesteps.find((t) => !(t >= 0 && t < trained));
  if (outside === undefined || (as !== "integer" && !isOwn)) return timesteps;
  throw new RangeError(
    `Cannot plan timestep ${outside}: trained are 0 to ${trained - 1}` +
      (isOwn ? "" : "; take fewer steps or a smaller steps_offset"),
  );
}
