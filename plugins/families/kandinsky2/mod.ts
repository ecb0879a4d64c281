/**
 * Kandinsky 2.1 and 2.2: the decoder, a UNet conditioned on the vector that CLIP has for an image (in 2.1 on the
 * text too) and the MoVQ autoencoder, and the prior that makes such vectors of texts. Razzhigaev et al.,
 * "Kandinsky: an Improved Text-to-Image Synthesis with Image Prior and Latent Diffusion" (arXiv:2310.03502).
 *
 * @module
 */
export * from "./combined.ts";
export * from "./decoder.ts";
export * from "./image_start.ts";
export * from "./mask_start.ts";
export * from "./noised_image_start.ts";
export * from "./prior.ts";
export * from "./prior_image_start.ts";
export * from "./text.ts";
export * from "./text_combined.ts";
export * from "./vector_encoder.ts";
