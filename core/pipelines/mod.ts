/**
 * What pipelines have in common: prompts to text states, noise and seeds of a batch, timesteps,
 * guidance, the end of a step, and pictures at the end of a run.
 *
 * @module
 */
export * from "./control.ts";
export * from "./denoise.ts";
export * from "./denoising_range.ts";
export * from "./depth.ts";
export * from "./draw_controlled.ts";
export * from "./finish.ts";
export * from "./guidance.ts";
export * from "./image_latents.ts";
export * from "./image_prompt.ts";
export * from "./inpaint.ts";
export * from "./inpaint_latents.ts";
export * from "./latent_consistency.ts";
export * from "./legacy.ts";
export * from "./mask_latents.ts";
export * from "./noise.ts";
export * from "./output.ts";
export * from "./picture_input.ts";
export * from "./picture_latents.ts";
export * from "./preview.ts";
export * from "./prompt.ts";
export * from "./recipe.ts";
export * from "./safety.ts";
export * from "./size.ts";
export * from "./stable_diffusion.ts";
export * from "./step.ts";
export * from "./strength.ts";
export * from "./text_conditioning.ts";
export * from "./timesteps.ts";
export * from "./unconditional.ts";
export * from "./xl_components.ts";
export * from "./xl_conditioning.ts";
export * from "./xl_prompt.ts";
export * from "./xl_time_ids.ts";
