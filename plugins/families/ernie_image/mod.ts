/**
 * The family of ERNIE-Image: its components, and how a prompt becomes what its transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./prompts.ts";
