/**
 * FluxImg2ImgPipeline: an image changed as a text says, with FLUX.1 (Black Forest Labs, 2024). The
 * image is resized to the size of the call.
 *
 * @example
 * ```ts ignore
 * import { FluxImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxImg2ImgPipeline.fromPretrained("black-forest-labs/FLUX.1-dev");
 * const { images } = await pipe("a watercolour", { image: "photo.png", strength: 0.8, seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromResizedImage,
  latentPipeline,
  type Prompt,
  type ResizedImageStartOptions,
  resizedImageStartOptions,
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
export interface FluxImg2ImgOptions
  extends FluxOptions, FluxImagePromptOptions, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxImg2ImgArguments = [prompt: Prompt | undefined, options: FluxImg2ImgOptions];

/** A loaded FluxImg2ImgPipeline. */
export type FluxImg2ImgPipeline = Pipeline<FluxComponents, FluxImg2ImgArguments, ImageOutput>;

/** Image and text to images with FLUX.1; `FluxImg2ImgPipeline` of diffusers. */
export const FluxImg2ImgPipeline: PipelineClass<FluxComponents, FluxImg2ImgArguments, ImageOutput> =
  latentPipeline({
    className: "FluxImg2ImgPipeline",
    task: "image-to-image",
    family: flux,
    start: fromResizedImage,
    ...imagePromptedFlux,
    options: { ...fluxOptions, ...fluxImagePromptOptions, ...resizedImageStartOptions },
    defaults: { numInferenceSteps: 28, strength: 0.6, guidanceScale: 7 },
    blocks: fluxBlockValues,
  });
