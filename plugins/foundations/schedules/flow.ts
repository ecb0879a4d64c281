import { linspace } from "./math.ts";

/** How time is shifted towards the noisy end. */
export type TimeShiftType = "exponential" | "linear";

/** σ as a falling share of noise, from 1 to 1/trained. */
export function flowSigmas(count: number, trained: number): number[] {
  return linspace(1, 1 / trained, count);
}

/**
 * Shifts shares of noise towards the noisy end: s·σ/(1 + (s − 1)·σ)
 * (Stable Diffusion 3, arXiv:2403.03206, equation 23).
 */
export function shiftSigmas(sigmas: readonly number[], shift: number): number[] {
  return sigmas.map((sigma) => shift * sigma / (1 + (shift - 1) * sigma));
}

/**
 * Shifts shares of noise by an amount μ that depends on the size of the image:
 * e^μ/(e^μ + (1/σ − 1)^power), or μ in place of e^μ for `"linear"`.
 *
 * @throws {RangeError} for another type.
 */
export function timeShift(
  type: string,
  mu: number,
  sigmas: readonly number[],
  power = 1,
): number[] {
  if (type !== "exponential" && type !== "linear") {
    throw new RangeError(
      'Cannot shift sigmas: time_shift_type must be one of "exponential", "linear", ' +
        `but is ${JSON.stringify(type)}`,
    );
  }
  const weight = type === "exponential" ? Math.exp(mu) : mu;
  return sigmas.map((sigma) => weight / (weight + (1 / sigma - 1) ** power));
}

/**
 * Stretches shares of noise so that the last one becomes `terminal`, with 1 staying 1 (`shift_terminal`).
 *
 * @throws {RangeError} where the last one is 1, as that of a run of one step is: it cannot stay and be moved
 *   (the reference divides 0 by 0 and goes on with NaN).
 */
export function stretchToTerminal(sigmas: readonly number[], terminal: number): number[] {
  const last = sigmas[sigmas.length - 1]!;
  if (last === 1) {
    throw new RangeError(
      `Cannot plan ${sigmas.length} ${
        sigmas.length === 1 ? "step" : "steps"
      } with shift_terminal ` +
        `${terminal}: the last step begins at sigma 1 and cannot be stretched to ${terminal}; take more ` +
        "steps (2 or more), own sigmas that end below 1, or a scheduler whose shift_terminal is null",
    );
  }
  const scale = (1 - last) / (1 - terminal);
  return sigmas.map((sigma) => 1 - (1 - sigma) / scale);
}

/** The part of a flow scheduler's config that μ follows from. */
export interface DynamicShiftConfig {
  /** Tokens of the smallest image. Defaults to 256. */
  readonly base_image_seq_len?: number | undefined;
  /** Tokens of the largest image. Defaults to 4096. */
  readonly max_image_seq_len?: number | undefined;
  /** μ of the smallest image. Defaults to 0.5. */
  readonly base_shift?: number | undefined;
  /** μ of the largest image. Defaults to 1.15. */
  readonly max_shift?: number | undefined;
}

/**
 * μ for an image of that many tokens: linear from base_shift at base_image_seq_len to max_shift
 * at max_image_seq_len (`calculate_shift` of the reference's flow pipelines).
 */
export function dynamicShift(tokens: number, config: DynamicShiftConfig = {}): number {
  const [x0, x1] = [config.base_image_seq_len ?? 256, config.max_image_seq_len ?? 4096];
  const [y0, y1] = [config.base_shift ?? 0.5, config.max_shift ?? 1.15];
  const slope = (y1 - y0) / (x1 - x0);
  return tokens * slope + (y0 - slope * x0);
}
