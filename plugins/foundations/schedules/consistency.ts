import type { PlanRequest, SchedulerPlan } from "@denoise/core";
import { checkSteps, planTimesteps, type SpacingConfig } from "./timesteps.ts";

/** The part of a config that plans a run of a distilled consistency model. */
export interface ConsistencyConfig extends SpacingConfig {
  /** Number of timesteps that the model was distilled on. */
  readonly original_inference_steps: number;
}

/** A plan that knows which of its steps adds no noise. */
export interface ConsistencyPlan extends SchedulerPlan {
  /** The place of the step that adds no noise. */
  readonly last: number;
}

/**
 * The rising timesteps that a consistency model was distilled on: the last of each of `original`
 * equal parts of the trained ones.
 *
 * @param strength Which share of them is used, from the beginning.
 * @throws {RangeError} for more parts than trained timesteps, or a strength outside 0..1.
 */
function consistencyTimesteps(
  trained: number,
  original: number,
  strength: number,
): number[] {
  checkSteps(original, trained);
  checkStrength(strength);
  const part = Math.floor(trained / original);
  return Array.from({ length: Math.floor(original * strength) }, (_, i) => (i + 1) * part - 1);
}

function checkStrength(strength: number): void {
  if (strength >= 0 && strength <= 1) return;
  throw new RangeError(`Cannot plan a strength of ${strength}: it is from 0 to 1`);
}

/**
 * The plan of a few steps: so many of the distilled timesteps at equal distances, or timesteps of
 * one's own.
 *
 * @param request `strength` cuts off the noisiest timesteps; `originalInferenceSteps` stands in
 *   place of the config's.
 * @param distilled The timesteps to choose from, rising; those of {@linkcode consistencyTimesteps}
 *   by default.
 * @throws {RangeError} for more steps than there are timesteps to choose from.
 */
export function planConsistency(
  className: string,
  config: ConsistencyConfig,
  request: PlanRequest,
  distilled?: readonly number[],
): ConsistencyPlan {
  const { numInferenceSteps, strength = 1 } = request as { numInferenceSteps?: number } & {
    strength?: number;
  };
  const original = Number(request["originalInferenceSteps"] ?? config.original_inference_steps);
  if (request.timesteps !== undefined) {
    checkStrength(strength);
    const own = planTimesteps(config, request);
    const kept = Math.floor(own.length * strength);
    return { timesteps: own.slice(own.length - kept), last: own.length - 1 };
  }
  const falling = (distilled ??
    consistencyTimesteps(config.num_train_timesteps, original, strength)).toReversed();
  const steps = numInferenceSteps!;
  if (steps > Math.min(falling.length, original)) {
    throw new RangeError(
      `Cannot plan ${steps} steps of ${className}: there are ${falling.length} distilled ` +
        `timesteps (of ${original} originalInferenceSteps, times strength); take fewer steps`,
    );
  }
  const timesteps = Array.from(
    { length: steps },
    (_, i) => falling[Math.floor(i * (falling.length / steps))]!,
  );
  return { timesteps, last: steps - 1 };
}
