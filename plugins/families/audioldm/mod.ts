/**
 * What AudioLDM and its kin have alike: denoised latents of mel spectrograms, whose waveform a vocoder makes,
 * and the class of the two that are conditioned on CLAP's vector of the text.
 *
 * @module
 */
export * from "./components.ts";
export * from "./lengths.ts";
export * from "./pipeline.ts";
export { type ClapComponents, clapVectors } from "./prompts.ts";
export * from "./spectrograms.ts";
