/**
 * What the pipelines of diffusion models have in common, whatever the family: the denoising loop,
 * noise and seeds of a batch, timesteps, guidance, sizes, images in and out, previews.
 *
 * @module
 */
export * from "./audio.ts";
export * from "./caption.ts";
export * from "./control_mask.ts";
export * from "./control_range.ts";
export * from "./denoise.ts";
export * from "./denoising_range.ts";
export * from "./finish.ts";
export * from "./flow.ts";
export * from "./guidance.ts";
export * from "./image_latents.ts";
export * from "./image_prompt.ts";
export * from "./inpaint.ts";
export * from "./inpaint_latents.ts";
export * from "./latent_pipeline.ts";
export * from "./latent_tokens.ts";
export * from "./latents.ts";
export * from "./mask_latents.ts";
export * from "./masked_text.ts";
export * from "./noise.ts";
export * from "./one_text_encoder.ts";
export * from "./output.ts";
export * from "./image_input.ts";
export * from "./noised_image_latents.ts";
export * from "./once_per_text.ts";
export * from "./preview.ts";
export * from "./packed.ts";
export * from "./plan.ts";
export * from "./pooled_text.ts";
export * from "./prior.ts";
export * from "./prompt.ts";
export * from "./recipe.ts";
export * from "./resize.ts";
export * from "./resolution_bins.ts";
export * from "./safety.ts";
export * from "./size.ts";
export * from "./starts.ts";
export * from "./step.ts";
export * from "./strength.ts";
export * from "./text_pair.ts";
export * from "./text_rows.ts";
export * from "./text_states.ts";
export * from "./timesteps.ts";
export * from "./unconditional.ts";
export * from "./watermark.ts";
