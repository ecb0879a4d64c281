/**
 * The family of Kolors: its components, and how a language model reads its prompts for the UNet of Stable Diffusion XL.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./prompts.ts";
