/**
 * The decoder of Kandinsky 2.2: a UNet conditioned on the vector that CLIP has for an image, and the MoVQ
 * autoencoder. Razzhigaev et al., "Kandinsky: an Improved Text-to-Image Synthesis with Image Prior and
 * Latent Diffusion" (arXiv:2310.03502).
 *
 * @module
 */
export * from "./decoder.ts";
