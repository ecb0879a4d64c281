/**
 * unCLIP: the vector of an image becomes a small image, and this one a large one, all by denoising pixels. Ramesh et
 * al., "Hierarchical Text-Conditional Image Generation with CLIP Latents" (arXiv:2204.06125), as Karlo has it.
 *
 * @module
 */
export * from "./components.ts";
export * from "./decode.ts";
