/**
 * The family of Qwen-Image: its components, and how a prompt becomes what its transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./control_nets.ts";
export * from "./edit.ts";
export * from "./edit_pipeline.ts";
export * from "./family.ts";
export * from "./layered.ts";
export * from "./prompts.ts";
export * from "./transformer.ts";
