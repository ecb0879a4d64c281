/**
 * The family of FLUX.1: its components, and how a prompt becomes what its transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./control_image.ts";
export * from "./control_nets.ts";
export * from "./family.ts";
export * from "./fill.ts";
export * from "./image_prompt.ts";
export * from "./inpaint.ts";
export * from "./kontext.ts";
export * from "./prompts.ts";
export * from "./transformer.ts";
