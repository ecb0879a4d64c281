/**
 * The family of Lumina-Image 2.0: its components, and how a prompt becomes what its transformer is given.
 *
 * @module
 */
export * from "./components.ts";
export * from "./family.ts";
export * from "./transformer.ts";
