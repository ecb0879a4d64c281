import type { ConfigSchema, PlanRequest } from "@denoise/core";
import { interp } from "./math.ts";
import {
  betaSigmas,
  exponentialSigmas,
  karrasSigmas,
  logSigmasOf,
  sigmaToTimestep,
} from "./sigmas.ts";
import { planTimesteps, type SpacingConfig } from "./timesteps.ts";

/** The part of a scheduler's config that chooses how sigmas fall. */
export interface SigmaConfig {
  /** Whether to take the schedule of Karras et al. (arXiv:2206.00364). */
  readonly use_karras_sigmas?: boolean | null | undefined;
  /** Whether to take equal steps of log σ. */
  readonly use_exponential_sigmas?: boolean | null | undefined;
  /** Whether to take quantiles of a beta distribution (arXiv:2407.12173). */
  readonly use_beta_sigmas?: boolean | null | undefined;
  /** The smallest sigma of these schedules; that of the plain schedule when null. */
  readonly sigma_min?: number | null | undefined;
  /** The largest sigma of these schedules; that of the plain schedule when null. */
  readonly sigma_max?: number | null | undefined;
}

/** The options that choose how sigmas fall: as the timesteps do. */
export const sigmaOptions: ConfigSchema<Omit<SigmaConfig, "sigma_min" | "sigma_max">> = {
  use_karras_sigmas: false,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
};

/** Options of the range, which many schedulers go by only where another's config brings them. */
export const SIGMA_RANGE: readonly string[] = Object.freeze(["sigma_min", "sigma_max"]);

/** The sigma schedule options that are on, by name. */
function chosenSigmas(config: SigmaConfig): string[] {
  return Object.entries({
    use_karras_sigmas: config.use_karras_sigmas,
    use_exponential_sigmas: config.use_exponential_sigmas,
    use_beta_sigmas: config.use_beta_sigmas,
  }).flatMap(([name, on]) => (on ? [name] : []));
}

/**
 * Checks that a config chooses at most one sigma schedule.
 *
 * @throws {RangeError} when it chooses several.
 */
export function checkSigmaConfig(className: string, config: SigmaConfig): void {
  const chosen = chosenSigmas(config);
  if (chosen.length <= 1) return;
  throw new RangeError(
    `Cannot configure ${className}: only one of ${chosen.join(", ")} can be true`,
  );
}

/**
 * Checks that own timesteps are not given where the config chooses a sigma schedule, which makes
 * its own.
 *
 * @throws {RangeError} when they are.
 */
export function checkOwnTimesteps(className: string, config: SigmaConfig): void {
  const [chosen] = chosenSigmas(config);
  if (chosen === undefined) return;
  throw new RangeError(
    `Cannot plan ${className}: it takes no timesteps of one's own while ${chosen} is true`,
  );
}

/**
 * The sigma schedule that the config chooses, in float64, falling; undefined when it chooses none.
 *
 * @param plain Falling sigmas whose first and last are the range where the config names none.
 */
export function configuredSigmas(
  config: SigmaConfig,
  plain: ArrayLike<number>,
  count: number,
): number[] | undefined {
  const range = {
    min: config.sigma_min ?? plain[plain.length - 1]!,
    max: config.sigma_max ?? plain[0]!,
  };
  if (config.use_karras_sigmas) return karrasSigmas(count, range);
  if (config.use_exponential_sigmas) return exponentialSigmas(count, range);
  if (config.use_beta_sigmas) return betaSigmas(count, range);
  return undefined;
}

/** Sigmas and the timesteps that belong to them. */
export interface SigmaSchedule {
  /** The timesteps, fractional, falling. */
  readonly timesteps: readonly number[];
  /** σ at each timestep, in float64. */
  readonly sigmas: readonly number[];
}

/** Options of {@linkcode planSigmas}. */
export interface PlanSigmasOptions {
  /** Sigmas at the spaced timesteps. Defaults to those of the trained ones, interpolated. */
  readonly plain?: ((timesteps: readonly number[]) => ArrayLike<number>) | undefined;
  /** What spaced timesteps are rounded to. Defaults to `"float32"`. */
  readonly as?: "float32" | "float64" | undefined;
}

/**
 * The schedule of methods that work on sigmas (Euler, Heun, LMS, KDPM2): trained sigmas at the
 * spaced timesteps, or the sigmas that the config chooses with the timesteps that belong to them.
 *
 * @param trained Sigmas of the trained timesteps, rising.
 * @throws {RangeError} for timesteps of one's own where the config chooses a sigma schedule.
 */
export function planSigmas(
  className: string,
  config: SpacingConfig & SigmaConfig,
  request: PlanRequest,
  trained: Float32Array,
  options: PlanSigmasOptions = {},
): SigmaSchedule {
  const { plain = (at) => interp(at, trained), as = "float32" } = options;
  if (request.timesteps !== undefined) checkOwnTimesteps(className, config);
  const timesteps = planTimesteps(config, request, { as });
  const sigmas = plain(timesteps);
  const count = request.numInferenceSteps ?? timesteps.length;
  const chosen = configuredSigmas(config, sigmas, count);
  if (chosen === undefined) return { timesteps, sigmas: Array.from(sigmas) };
  const logSigmas = logSigmasOf(trained);
  return { timesteps: chosen.map((sigma) => sigmaToTimestep(sigma, logSigmas)), sigmas: chosen };
}
