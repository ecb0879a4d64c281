import {
  type ConfigSchema,
  float,
  maybe,
  oneOf,
  type PlanRequest,
  type Tensor,
} from "@denoise/core";
import { linspace, toFloat32 } from "./math.ts";
import { combineBatch } from "./conversions.ts";
import {
  type DynamicShiftConfig,
  shiftSigmas,
  stretchToTerminal,
  timeShift,
  type TimeShiftType,
} from "./flow.ts";
import { type SigmaPlan, sigmasAt } from "./forward.ts";
import { configuredSigmas, type SigmaConfig, sigmaOptions } from "./sigma_config.ts";
import { checkSteps } from "./timesteps.ts";

const f = Math.fround;

/** The part of a config that plans a run on a rectified flow. */
export interface FlowPlanConfig extends DynamicShiftConfig, SigmaConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** How far sigmas are shifted towards noise; 1 for not at all. */
  readonly shift: number;
  /** Whether sigmas are shifted by the `mu` of a request instead. */
  readonly use_dynamic_shifting: boolean;
  /** Whether time runs from data to noise. */
  readonly invert_sigmas: boolean;
  /** What the last sigma is stretched to; left as it is when null. */
  readonly shift_terminal: number | null;
  /** How `mu` shifts. */
  readonly time_shift_type: TimeShiftType;
}

/** The options of schedulers on a rectified flow. */
export const flowOptions: ConfigSchema<Omit<FlowPlanConfig, "sigma_min" | "sigma_max">> = {
  num_train_timesteps: 1000,
  shift: float(1),
  use_dynamic_shifting: false,
  base_shift: float(0.5),
  max_shift: float(1.15),
  base_image_seq_len: 256,
  max_image_seq_len: 4096,
  invert_sigmas: false,
  shift_terminal: maybe(float),
  ...sigmaOptions,
  time_shift_type: oneOf("exponential", "linear"),
};

/** The plan before a number of steps is known: every trained sigma, shifted once. */
export function trainedFlowPlan(
  config: Pick<FlowPlanConfig, "num_train_timesteps" | "shift"> & {
    readonly use_dynamic_shifting?: boolean;
  },
): SigmaPlan {
  const { num_train_timesteps: trained, shift } = config;
  const plain = Array.from({ length: trained }, (_, i) => f((trained - i) / trained));
  const sigmas = config.use_dynamic_shifting
    ? plain
    : plain.map((sigma) => f(f(shift * sigma) / f(1 + f((shift - 1) * sigma))));
  return { timesteps: sigmas.map((sigma) => f(sigma * trained)), sigmas };
}

/** Checks that numbers of steps, timesteps and sigmas agree, and returns the number. */
function countSteps(className: string, request: PlanRequest): number {
  const counts = Object.entries({
    numInferenceSteps: request.numInferenceSteps,
    timesteps: request.timesteps?.length,
    sigmas: request.sigmas?.length,
  }).filter(([, count]) => count !== undefined) as [string, number][];
  const [, count] = counts[0]!;
  checkSteps(count);
  if (counts.every(([, other]) => other === count)) return count;
  throw new TypeError(
    `Cannot plan ${className}: ` + counts.map(([name, n]) => `${n} in ${name}`).join(", ") +
      "; they must be as many",
  );
}

/**
 * The plan of a run on a rectified flow.
 *
 * @param request A number of steps, timesteps, sigmas, or several that agree; `mu` with dynamic
 *   shifting; `shift` in place of the config's.
 * @throws {TypeError} when `mu` is missing or numbers do not agree.
 */
export function planFlow(
  className: string,
  config: FlowPlanConfig,
  request: PlanRequest,
): SigmaPlan {
  const { num_train_timesteps: trained } = config;
  const { mu, timesteps: own, shift = config.shift } = request;
  if (config.use_dynamic_shifting && mu === undefined) {
    throw new TypeError(
      `Cannot plan ${className}: with use_dynamic_shifting it needs the option mu, as ` +
        "dynamicShift() gives it for a number of tokens",
    );
  }
  const count = countSteps(className, request);
  const plain = trainedFlowPlan(config).sigmas;
  const start = request.sigmas !== undefined
    ? toFloat32(request.sigmas)
    : own !== undefined
    ? toFloat32(own).map((t) => f(t / trained))
    : linspace(plain[0]! * trained, plain[trained - 1]! * trained, count).map((t) => t / trained);
  const shifted = config.use_dynamic_shifting
    ? timeShift(config.time_shift_type, mu!, start)
    : shiftSigmas(start, shift as number);
  const stretched = config.shift_terminal
    ? stretchToTerminal(shifted, config.shift_terminal)
    : shifted;
  const falling = toFloat32(configuredSigmas(config, stretched, count) ?? stretched);
  const sigmas = config.invert_sigmas ? falling.map((sigma) => f(1 - sigma)) : falling;
  const timesteps = own !== undefined && !config.invert_sigmas
    ? toFloat32(own)
    : sigmas.map((sigma) => f(sigma * trained));
  return { timesteps, sigmas: [...sigmas, config.invert_sigmas ? 1 : 0] };
}

/**
 * Clean samples with noise at timesteps of the plan: (1 − σ)·x0 + σ·ε.
 *
 * @param index The position in the plan that counts instead of the timesteps.
 * @throws {RangeError} for a timestep that is not in the plan.
 */
export function addFlowNoise(
  plan: SigmaPlan,
  original: Tensor,
  noise: Tensor,
  timesteps: readonly number[],
  index?: number,
): Tensor {
  const sigmas = sigmasAt(plan, timesteps, index);
  return combineBatch(sigmas, noise, sigmas.map((sigma) => 1 - sigma), original);
}

/** What the options of a flow plan are where a config does not name them. */
export const FLOW_PLAN_DEFAULTS: FlowPlanConfig = Object.freeze({
  num_train_timesteps: 1000,
  shift: 1,
  use_dynamic_shifting: false,
  base_shift: 0.5,
  max_shift: 1.15,
  base_image_seq_len: 256,
  max_image_seq_len: 4096,
  invert_sigmas: false,
  shift_terminal: null,
  use_karras_sigmas: false,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
  time_shift_type: "exponential",
});
