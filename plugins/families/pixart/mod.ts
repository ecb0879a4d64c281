/**
 * The family of PixArt-α and PixArt-Σ: its components, and how a prompt becomes what its transformer is
 * given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./pipeline.ts";
export * from "./transformer.ts";
