/**
 * The families of LongCat-Image and LongCat-Image-Edit: their components, and how prompts and an image become what
 * their transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./edit.ts";
export * from "./family.ts";
export * from "./prompts.ts";
