/**
 * The families of FLUX.2 klein and dev: their components, and how prompts and reference images become what their transformer is
 * given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./inpaint.ts";
export * from "./prompts.ts";
export * from "./references.ts";
export * from "./transformer.ts";
