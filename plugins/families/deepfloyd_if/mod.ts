/**
 * DeepFloyd IF: UNets that denoise pixels, conditioned on T5's states of a text: one makes small images, others make
 * them larger. DeepFloyd Lab at StabilityAI (2023), after Saharia et al., "Photorealistic Text-to-Image Diffusion
 * Models with Deep Language Understanding" (Imagen, arXiv:2205.11487).
 *
 * @module
 */
export * from "./components.ts";
export * from "./draw.ts";
export * from "./starts.ts";
export * from "./super_resolution.ts";
export * from "./text.ts";
export * from "./timesteps.ts";
