/**
 * Text2Video-Zero: a series of images that hang together, by a model that was trained on single ones. The latents of
 * the first are moved for the others, and all of them look at the first where pixels look at pixels. Khachatryan et
 * al., "Text2Video-Zero: Text-to-Image Diffusion Models are Zero-Shot Video Generators" (arXiv:2303.13439).
 *
 * @module
 */
export * from "./frames.ts";
export * from "./options.ts";
export * from "./warp.ts";
