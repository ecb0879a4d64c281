/**
 * The family of Anima: its components, and how prompts become what its transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./prompts.ts";
