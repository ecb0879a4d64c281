/**
 * FluxKontextPipeline: an image changed as a text says, or a new one with what an image shows, with FLUX.1
 * Kontext (Black Forest Labs, 2025, arXiv:2506.15742).
 *
 * Several images: put them into one beside each other.
 *
 * @example
 * ```ts ignore
 * import { FluxKontextPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxKontextPipeline.fromPretrained("black-forest-labs/FLUX.1-Kontext-dev");
 * const { images } = await pipe("put a hat on the cat", { image: "cat.png", guidanceScale: 2.5 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  fluxBlockValues,
  type FluxComponents,
  type FluxImagePromptOptions,
  fluxImagePromptOptions,
  fluxKontext,
  type FluxKontextOptions,
  fluxKontextOptions,
  type FluxOptions,
  fluxOptions,
  imagePromptedFlux,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxKontextCallOptions
  extends FluxOptions, FluxImagePromptOptions, FluxKontextOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxKontextArguments = [prompt: Prompt | undefined, options: FluxKontextCallOptions];

/** A loaded FluxKontextPipeline. */
export type FluxKontextPipeline = Pipeline<FluxComponents, FluxKontextArguments, ImageOutput>;

/** Image and text to images with FLUX.1 Kontext; `FluxKontextPipeline` of diffusers. */
export const FluxKontextPipeline: PipelineClass<FluxComponents, FluxKontextArguments, ImageOutput> =
  latentPipeline({
    className: "FluxKontextPipeline",
    task: "image-to-image",
    family: fluxKontext,
    start: fromNoise,
    ...imagePromptedFlux,
    options: {
      ...fluxOptions,
      ...fluxImagePromptOptions,
      ...noiseStartOptions,
      ...fluxKontextOptions,
    },
    defaults: { numInferenceSteps: 28, guidanceScale: 3.5 },
    blocks: fluxBlockValues,
  });
