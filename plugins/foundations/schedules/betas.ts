import { type ConfigSchema, float, maybe, numbers, oneOf } from "@denoise/core";
import { sigmoid32 } from "./_sigmoid.ts";
import { cumprod32, linspace32 } from "./math.ts";

const f = Math.fround;

/** How betas rise over the trained timesteps. */
export type BetaScheduleName =
  | "linear"
  | "scaled_linear"
  | "squaredcos_cap_v2"
  | "sigmoid"
  | "laplace"
  | "exp";

/** The ways that most schedulers know. */
export type UsualBetaSchedule = "linear" | "scaled_linear" | "squaredcos_cap_v2";

/** The part of a scheduler's config that makes its betas. */
export interface BetaConfig<B extends BetaScheduleName = UsualBetaSchedule> {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** The first beta. */
  readonly beta_start: number;
  /** The last beta. */
  readonly beta_end: number;
  /** How betas rise from the first to the last. */
  readonly beta_schedule: B;
  /** The betas themselves, which go before all else. */
  readonly trained_betas?: readonly number[] | null | undefined;
  /** Whether the last timestep is to be pure noise. */
  readonly rescale_betas_zero_snr?: boolean | null | undefined;
}

/** The options that make betas, with the defaults of DDPM. */
export const betaOptions: ConfigSchema<Omit<BetaConfig, "rescale_betas_zero_snr">> = {
  num_train_timesteps: 1000,
  beta_start: float(0.0001),
  beta_end: float(0.02),
  beta_schedule: oneOf("linear", "scaled_linear", "squaredcos_cap_v2"),
  trained_betas: maybe(numbers),
};

/**
 * The betas of a config: the variance of the noise that each timestep adds. Equal to the
 * reference's float32 tensor bit for bit.
 *
 * - `linear`: from beta_start to beta_end (DDPM, arXiv:2006.11239)
 * - `scaled_linear`: the same for the square roots (latent diffusion, arXiv:2112.10752)
 * - `squaredcos_cap_v2`: from ᾱ(t) = cos²(π/2·(t + 0.008)/1.008) (arXiv:2102.09672)
 * - `sigmoid`: a sigmoid of -6..6 scaled to beta_start..beta_end (GeoDiff, arXiv:2203.02923)
 * - `laplace`, `exp`: other functions ᾱ(t), see {@linkcode alphaBarBetas}
 *
 * @throws {RangeError} for another name.
 *
 * @example
 * ```ts
 * import { makeBetas } from "@denoise/schedules";
 * import { assertEquals } from "@std/assert";
 *
 * const betas = makeBetas({
 *   num_train_timesteps: 1000,
 *   beta_start: 0.0001,
 *   beta_end: 0.02,
 *   beta_schedule: "linear",
 * });
 * assertEquals(betas.length, 1000);
 * ```
 */
export function makeBetas(config: BetaConfig<BetaScheduleName>): Float32Array {
  const betas = config.trained_betas ? Float32Array.from(config.trained_betas) : byName(config);
  return config.rescale_betas_zero_snr ? rescaleZeroTerminalSnr(betas) : betas;
}

function byName(config: BetaConfig<BetaScheduleName>): Float32Array {
  const { beta_start: start, beta_end: end, num_train_timesteps: count } = config;
  switch (config.beta_schedule) {
    case "linear":
      return linspace32(start, end, count);
    case "scaled_linear":
      return linspace32(start ** 0.5, end ** 0.5, count).map((root) => root * root);
    case "squaredcos_cap_v2":
      return Float32Array.from(alphaBarBetas(count));
    case "laplace":
    case "exp":
      return Float32Array.from(alphaBarBetas(count, { transform: config.beta_schedule }));
    case "sigmoid":
      return linspace32(-6, 6, count).map((x) => f(sigmoid32(x) * f(end - start)) + f(start));
    default:
      throw new RangeError(
        `Cannot make betas: beta_schedule must be one of "linear", "scaled_linear", ` +
          `"squaredcos_cap_v2", "sigmoid", "laplace", "exp", but is ` +
          JSON.stringify(config.beta_schedule),
      );
  }
}

/** ᾱ(t), the share of the signal's variance that is left at time t in 0..1. */
export type AlphaBar = (t: number) => number;

/** Functions ᾱ(t) that have a name. */
export type AlphaBarName = "cosine" | "exp" | "laplace";

const ALPHA_BARS: { readonly [name in AlphaBarName]: AlphaBar } = {
  cosine: (t) => Math.cos((t + 0.008) / 1.008 * Math.PI / 2) ** 2,
  exp: (t) => Math.exp(t * -12),
  laplace: (t) => {
    const sign = 0.5 - t < 0 ? -1 : 1;
    const logSnr = -0.5 * sign * Math.log(1 - 2 * Math.abs(0.5 - t) + 1e-6);
    const snr = Math.exp(logSnr);
    return Math.sqrt(snr / (1 + snr));
  },
};

/** Options of {@linkcode alphaBarBetas}. */
export interface AlphaBarOptions {
  /** ᾱ(t) by name or as a function. Defaults to `"cosine"`. */
  readonly transform?: AlphaBarName | AlphaBar | undefined;
  /** The largest beta. Defaults to 0.999. */
  readonly maxBeta?: number | undefined;
}

/** Betas in float64 whose running product of 1 − β follows ᾱ(t): βᵢ = 1 − ᾱ(tᵢ₊₁)/ᾱ(tᵢ). */
export function alphaBarBetas(count: number, options: AlphaBarOptions = {}): number[] {
  const { transform = "cosine", maxBeta = 0.999 } = options;
  const alphaBar = typeof transform === "function" ? transform : ALPHA_BARS[transform];
  return Array.from(
    { length: count },
    (_, i) => Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), maxBeta),
  );
}

/**
 * Betas changed so that the last timestep holds no signal at all (arXiv:2305.08891, algorithm 1),
 * in float32, bit for bit as the reference.
 */
function rescaleZeroTerminalSnr(betas: Float32Array): Float32Array {
  const bars = rescaleAlphasZeroTerminalSnr(cumprod32(betas.map((beta) => 1 - beta)));
  return bars.map((bar, i) => 1 - (i === 0 ? bar : f(bar / bars[i - 1]!)));
}

/**
 * The same for the running product ᾱ itself, as the CogVideoX schedulers use it; in float64 where it
 * is given so.
 */
export function rescaleAlphasZeroTerminalSnr<T extends Float32Array | Float64Array>(
  alphasCumprod: T,
): T {
  const round = alphasCumprod instanceof Float32Array ? f : (x: number): number => x;
  const roots = alphasCumprod.map(Math.sqrt);
  const first = roots[0]!;
  const last = roots[roots.length - 1]!;
  const scale = round(first / round(first - last));
  return roots.map((root) => round(round(root - last) * scale) ** 2) as T;
}
