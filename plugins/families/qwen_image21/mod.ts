/**
 * The family of Qwen-Image 2.1: its components, and how a prompt becomes what its transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./images.ts";
export * from "./prompts.ts";
export * from "./transformer.ts";
