/**
 * ChromaImg2ImgPipeline: an image changed as a text says, with Chroma (Lodestone Rock, 2025). The image is
 * resized to the size of the call.
 *
 * Not covered: IP-Adapters.
 *
 * @example
 * ```ts ignore
 * import { ChromaImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await ChromaImg2ImgPipeline.fromPretrained("lodestones/Chroma1-HD");
 * const { images } = await pipe("a watercolour", { image: "photo.png", strength: 0.8, seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromResizedImage,
  latentPipeline,
  oneTextEncoder,
  type Prompt,
  type ResizedImageStartOptions,
  resizedImageStartOptions,
} from "@denoise/diffusion";
import { chroma, type ChromaComponents, type ChromaOptions, chromaOptions } from "@denoise/chroma";

/** Options of a call. */
export interface ChromaImg2ImgCallOptions extends ChromaOptions, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ChromaImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: ChromaImg2ImgCallOptions,
];

/** A loaded ChromaImg2ImgPipeline. */
export type ChromaImg2ImgPipeline = Pipeline<ChromaComponents, ChromaImg2ImgArguments, ImageOutput>;

/** Image and text to images with Chroma; `ChromaImg2ImgPipeline` of diffusers. */
export const ChromaImg2ImgPipeline: PipelineClass<
  ChromaComponents,
  ChromaImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "ChromaImg2ImgPipeline",
  task: "image-to-image",
  family: chroma,
  start: fromResizedImage,
  ...oneTextEncoder,
  options: { ...chromaOptions, ...resizedImageStartOptions },
  defaults: { numInferenceSteps: 35, strength: 0.9, guidanceScale: 5 },
});
