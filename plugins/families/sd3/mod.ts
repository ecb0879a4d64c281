/**
 * The family of Stable Diffusion 3 and 3.5: its components, and how a prompt becomes what its
 * transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./control_nets.ts";
export * from "./family.ts";
export * from "./image_prompt.ts";
export * from "./inpainting.ts";
export * from "./prompts.ts";
export * from "./transformer.ts";
