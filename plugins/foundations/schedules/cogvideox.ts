import { type ConfigSchema, float, oneOf } from "@denoise/core";
import { cumprod32, linspace } from "./math.ts";
import { type BetaConfig, betaOptions, makeBetas, rescaleAlphasZeroTerminalSnr } from "./betas.ts";
import type { ClipConfig } from "./thresholding.ts";
import type { SpacingConfig } from "./timesteps.ts";

/** Options of the CogVideoX schedulers, as in scheduler_config.json. */
export interface CogVideoXConfig extends BetaConfig, SpacingConfig, ClipConfig {
  /** Whether ᾱ is 1 after the last step; that of timestep 0 otherwise. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
  /** How far noise is shifted towards earlier timesteps; 1 for not at all. */
  readonly snr_shift_scale: number;
}

/** Their options and defaults. */
export const cogVideoXOptions: ConfigSchema<CogVideoXConfig> = {
  ...betaOptions,
  beta_start: float(0.00085),
  beta_end: float(0.012),
  beta_schedule: oneOf("scaled_linear", "linear", "squaredcos_cap_v2"),
  clip_sample: true,
  set_alpha_to_one: true,
  steps_offset: 0,
  prediction_type: oneOf("epsilon", "sample", "v_prediction"),
  clip_sample_range: float(1),
  sample_max_value: float(1),
  timestep_spacing: oneOf("leading", "linspace", "trailing"),
  rescale_betas_zero_snr: false,
  snr_shift_scale: float(3),
};

/** ᾱ of every trained timestep, and how the reference rounds what it works out from them. */
export interface CogVideoXSchedule {
  /** ᾱ in float32 or float64. */
  readonly alphasCumprod: Float32Array | Float64Array;
  /** The same in float32, as noise is added with. */
  readonly alphasCumprod32: Float32Array;
  /** ᾱ after the last step. */
  readonly finalBar: number;
  /** Rounds to float32, or not at all where ᾱ is float64. */
  readonly round: (x: number) => number;
}

/**
 * The noise schedule of CogVideoX (arXiv:2408.06072): ᾱ/(s + (1 − s)·ᾱ), and then, if the config asks
 * for it, scaled so that the last timestep holds no signal. As in the reference it is float64 for
 * `scaled_linear` and float32 for other betas.
 */
export function cogVideoXSchedule(config: CogVideoXConfig): CogVideoXSchedule {
  const bars = plainBars(config);
  const round = bars instanceof Float32Array ? Math.fround : (x: number): number => x;
  const { snr_shift_scale: scale } = config;
  const shifted = bars.map((bar) => bar / round(round(round(1 - scale) * bar) + round(scale)));
  const alphasCumprod = config.rescale_betas_zero_snr
    ? rescaleAlphasZeroTerminalSnr(shifted)
    : shifted;
  return {
    alphasCumprod,
    alphasCumprod32: Float32Array.from(alphasCumprod),
    finalBar: config.set_alpha_to_one ? 1 : alphasCumprod[0]!,
    round,
  };
}

/** ᾱ before it is shifted. */
function plainBars(config: CogVideoXConfig): Float32Array | Float64Array {
  const { beta_start: start, beta_end: end, num_train_timesteps: trained } = config;
  if (config.trained_betas || config.beta_schedule !== "scaled_linear") {
    return cumprod32(makeBetas({ ...config, rescale_betas_zero_snr: false }).map((b) => 1 - b));
  }
  let product = 1;
  return Float64Array.from(
    linspace(start ** 0.5, end ** 0.5, trained),
    (root) => product *= 1 - root * root,
  );
}
