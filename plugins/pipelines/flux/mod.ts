/**
 * FluxPipeline: images from text with FLUX.1 (Black Forest Labs, 2024): schnell in 4 steps, dev in
 * about 28, guided by an input of the model. With a `negativePrompt` and a `trueCfgScale` above 1 each step
 * is two calls.
 *
 * Latents that are given or asked for are [N, 16, height / 8, width / 8]; diffusers packs them into
 * tokens.
 *
 * @example
 * ```ts ignore
 * import { FluxPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxPipeline.fromPretrained("black-forest-labs/FLUX.1-schnell");
 * const { images } = await pipe("a cat that holds a sign", {
 *   numInferenceSteps: 4,
 *   maxSequenceLength: 256,
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  flux,
  fluxBlockValues,
  type FluxComponents,
  type FluxImagePromptOptions,
  fluxImagePromptOptions,
  type FluxOptions,
  fluxOptions,
  imagePromptedFlux,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxCallOptions extends FluxOptions, FluxImagePromptOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxArguments = [prompt?: Prompt, options?: FluxCallOptions];

/** A loaded FluxPipeline. */
export type FluxPipeline = Pipeline<FluxComponents, FluxArguments, ImageOutput>;

/** Text to images with FLUX.1; `FluxPipeline` of diffusers. */
export const FluxPipeline: PipelineClass<FluxComponents, FluxArguments, ImageOutput> =
  textToImagePipeline({
    className: "FluxPipeline",
    task: "text-to-image",
    family: flux,
    start: fromNoise,
    ...imagePromptedFlux,
    options: { ...fluxOptions, ...fluxImagePromptOptions, ...noiseStartOptions },
    defaults: { numInferenceSteps: 28, guidanceScale: 3.5 },
    blocks: fluxBlockValues,
  });
