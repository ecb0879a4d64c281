/**
 * Marigold: depth, normals and intrinsic images of a photo, predicted by Stable Diffusion's UNet beside the
 * latents of the photo. Ke et al., "Repurposing Diffusion-Based Image Generators for Monocular Depth
 * Estimation" (arXiv:2312.02145) and "Marigold: Affordable Adaptation of Diffusion-Based Image Generators
 * for Image Analysis" (arXiv:2505.09358).
 *
 * @module
 */
export * from "./align.ts";
export * from "./colors.ts";
export * from "./components.ts";
export * from "./ensemble.ts";
export * from "./marigold.ts";
export * from "./options.ts";
export * from "./photo.ts";
