/**
 * aMUSEd: an image is a grid of tokens of a codebook, all of which are masked at first; each step guesses them all
 * and keeps those that the model is surest of. Patil et al., "aMUSEd: An Open MUSE Reproduction" (arXiv:2401.01808).
 *
 * @module
 */
export * from "./components.ts";
export * from "./guess.ts";
export * from "./image_tokens.ts";
export * from "./options.ts";
export * from "./text.ts";
