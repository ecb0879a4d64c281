import { type ConfigSchema, float, oneOf, type PlanRequest, roundHalfEven } from "@denoise/core";
import { interp, searchSorted, toFloat32 } from "./math.ts";
import type { NoiseSchedule } from "./alphas.ts";
import { flowSigmas, shiftSigmas } from "./flow.ts";
import { type BetaConfig, betaOptions } from "./betas.ts";
import type { SigmaPlan } from "./forward.ts";
import { type OutputConfig, trainedLambdas } from "./log_snr.ts";
import {
  checkOwnTimesteps,
  configuredSigmas,
  type SigmaConfig,
  sigmaOptions,
} from "./sigma_config.ts";
import { logSigmasOf, luSigmas, sigmaToTimestep } from "./sigmas.ts";
import { thresholdOptions } from "./thresholding.ts";
import { planTimesteps, type SpacingConfig, spacingOptions } from "./timesteps.ts";

/** The part of a config that plans a run of DPM-Solver and its relatives. */
export interface MultistepConfig extends BetaConfig, SpacingConfig, SigmaConfig, OutputConfig {
  /** Whether to take equal steps of λ (arXiv:2206.00927). */
  readonly use_lu_lambdas?: boolean | undefined;
  /** Whether samples are x = (1 − σ)·x0 + σ·ε. */
  readonly use_flow_sigmas: boolean;
  /** How far flow sigmas are shifted towards noise. */
  readonly flow_shift: number;
  /** Timesteps whose λ is smaller are left out. */
  readonly lambda_min_clipped?: number | undefined;
  /** Whether flow sigmas are shifted by the `mu` of a request. */
  readonly use_dynamic_shifting?: boolean | undefined;
}

/** The options that DPM-Solver and its relatives have in common. */
export const multistepOptions: ConfigSchema<
  Omit<
    MultistepConfig,
    | Exclude<keyof OutputConfig, "prediction_type" | "thresholding" | "use_flow_sigmas">
    | "rescale_betas_zero_snr"
    | "sigma_min"
    | "sigma_max"
    | "use_lu_lambdas"
    | "lambda_min_clipped"
    | "use_dynamic_shifting"
  >
> = {
  ...betaOptions,
  prediction_type: oneOf("epsilon", "sample", "v_prediction", "flow_prediction"),
  ...thresholdOptions,
  ...sigmaOptions,
  use_flow_sigmas: false,
  flow_shift: float(1),
  ...spacingOptions,
};

/** What differs between the relatives of DPM-Solver. */
export interface MultistepPlanOptions {
  /**
   * The last sigma, after those of the timesteps.
   *
   * @param sigmas Those of the timesteps.
   * @param isChosen Whether the config chooses how they fall.
   */
  readonly last: (sigmas: readonly number[], isChosen: boolean) => number;
  /** Whether timesteps of karras and lu sigmas are rounded; cut off otherwise. True by default. */
  readonly rounds?: boolean | undefined;
}

/**
 * Timesteps (integers, falling) and sigmas of a run of DPM-Solver and its relatives.
 *
 * @throws {RangeError} for timesteps of one's own where the config chooses a sigma schedule, or a
 *   `mu` that the config does not use.
 */
export function planMultistep(
  className: string,
  config: MultistepConfig,
  request: PlanRequest,
  schedule: NoiseSchedule,
  options: MultistepPlanOptions,
): SigmaPlan {
  const { timesteps: own, mu } = request;
  const { num_train_timesteps: trained } = config;
  if (own !== undefined) {
    checkOwnTimesteps(className, config);
    if (config.use_lu_lambdas) throw ownBesideLu(className);
  }
  if (mu !== undefined && !config.use_dynamic_shifting) throw uselessMu(className);
  const clipped = searchSorted(
    trainedLambdas(schedule.alphasCumprod).reverse(),
    config.lambda_min_clipped ?? -Infinity,
  );
  const spaced = planTimesteps(config, request, {
    withoutLast: true,
    usedTimesteps: trained - clipped,
  });
  const count = request.numInferenceSteps ?? spaced.length;
  const logSigmas = logSigmasOf(schedule.sigmas);
  const timestepsOf = (sigmas: readonly number[], rounds: boolean): number[] =>
    sigmas.map((sigma) => sigmaToTimestep(sigma, logSigmas)).map(
      rounds ? roundHalfEven : Math.trunc,
    );

  const isLu = config.use_lu_lambdas && !config.use_karras_sigmas;
  const chosen = isLu
    ? luSigmas(count, logSigmas)
    : configuredSigmas(config, schedule.sigmas.toReversed(), count);
  if (chosen !== undefined) {
    const isRounded = (options.rounds ?? true) && (isLu || config.use_karras_sigmas === true);
    return plan(timestepsOf(chosen, isRounded), chosen, options.last(chosen, true));
  }
  if (config.use_flow_sigmas) {
    const rising = flowSigmas(count + 1, trained).map((sigma) => 1 - sigma);
    const shift = mu === undefined ? config.flow_shift : Math.exp(mu);
    const sigmas = shiftSigmas(rising, shift).reverse().slice(0, -1);
    const timesteps = sigmas.map((sigma) => Math.trunc(sigma * trained));
    return plan(timesteps, sigmas, options.last(sigmas, true));
  }
  const sigmas = interp(spaced, schedule.sigmas);
  return plan(spaced, sigmas, options.last(sigmas, false));
}

function plan(
  timesteps: readonly number[],
  sigmas: readonly number[],
  last: number,
): SigmaPlan {
  return { timesteps, sigmas: toFloat32([...sigmas, last]) };
}

/** The plan before a number of steps is known: every trained timestep. */
export function trainedMultistepPlan(schedule: NoiseSchedule): SigmaPlan {
  const sigmas = Array.from(schedule.sigmas).reverse();
  return { timesteps: sigmas.map((_, i) => sigmas.length - 1 - i), sigmas };
}

function ownBesideLu(className: string): RangeError {
  return new RangeError(
    `Cannot plan ${className}: it takes no timesteps of one's own while use_lu_lambdas is true`,
  );
}

function uselessMu(className: string): RangeError {
  return new RangeError(
    `Cannot plan ${className}: it takes mu only while use_dynamic_shifting is true`,
  );
}
