/**
 * What noise schedules have in common: betas and their products, the spacing of timesteps, sigma
 * schedules, and what follows from a model's prediction.
 *
 * @module
 */
export * from "./alphas.ts";
export * from "./beta_quantile.ts";
export * from "./betas.ts";
export * from "./conversions.ts";
export * from "./flow.ts";
export * from "./sigmas.ts";
export * from "./thresholding.ts";
export * from "./timesteps.ts";
