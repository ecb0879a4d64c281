/** The noise schedule of Stable Diffusion 1 and 2. */
export const SD = {
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  beta_end: 0.012,
  num_train_timesteps: 1000,
} as const;
