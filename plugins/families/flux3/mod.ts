/**
 * The family of FLUX.3 klein: its components, and how prompts and reference images become what its transformer is
 * given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./prompts.ts";
export * from "./references.ts";
export * from "./transformer.ts";
