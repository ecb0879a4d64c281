/**
 * What the schedulers of diffusion models are made of: `defineScheduler`, betas and what follows from them (ᾱ, σ, λ),
 * the spacing of timesteps, the sigma schedules of Karras and others, flow matching, predictions turned
 * into clean samples, the increments of a Brownian motion.
 *
 * @example The noise levels that Stable Diffusion was trained with
 * ```ts
 * import { makeNoiseSchedule } from "@denoise/schedules";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { sigmas } = makeNoiseSchedule({
 *   num_train_timesteps: 1000,
 *   beta_start: 0.00085,
 *   beta_end: 0.012,
 *   beta_schedule: "scaled_linear",
 *   trained_betas: null,
 * });
 * assertAlmostEquals(sigmas[999]!, 14.6147, 1e-4); // float32
 * ```
 *
 * @module
 */
export * from "./adams_bashforth.ts";
export * from "./alphas.ts";
export * from "./beta_quantile.ts";
export * from "./betas.ts";
export * from "./brownian.ts";
export * from "./cogvideox.ts";
export * from "./consistency.ts";
export * from "./conversions.ts";
export * from "./ddim.ts";
export * from "./ddpm.ts";
export * from "./define_scheduler.ts";
export * from "./definition.ts";
export * from "./dpm_solver.ts";
export * from "./edm.ts";
export * from "./flow.ts";
export * from "./flow_plan.ts";
export * from "./forward.ts";
export * from "./karras_compatibles.ts";
export * from "./log_snr.ts";
export * from "./math.ts";
export * from "./midpoint.ts";
export * from "./multistep.ts";
export * from "./parallel.ts";
export * from "./required_option.ts";
export * from "./sigma_config.ts";
export * from "./sigmas.ts";
export * from "./solve_linear.ts";
export * from "./thresholding.ts";
export * from "./timesteps.ts";
