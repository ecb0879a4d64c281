/**
 * ChromaPipeline: images from text with Chroma (Lodestone Rock, 2025), guided by a negative prompt.
 *
 * Not covered: IP-Adapters.
 *
 * @example
 * ```ts ignore
 * import { ChromaPipeline } from "@denoise/denoise";
 *
 * const pipe = await ChromaPipeline.fromPretrained("lodestones/Chroma1-HD");
 * const { images } = await pipe("a cat that holds a sign", { negativePrompt: "blurry", seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import { chroma, type ChromaComponents, type ChromaOptions, chromaOptions } from "@denoise/chroma";

/** Options of a call. */
export interface ChromaCallOptions extends ChromaOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ChromaArguments = [prompt?: Prompt, options?: ChromaCallOptions];

/** A loaded ChromaPipeline. */
export type ChromaPipeline = Pipeline<ChromaComponents, ChromaArguments, ImageOutput>;

/** Text to images with Chroma; `ChromaPipeline` of diffusers. */
export const ChromaPipeline: PipelineClass<ChromaComponents, ChromaArguments, ImageOutput> =
  textToImagePipeline({
    className: "ChromaPipeline",
    task: "text-to-image",
    family: chroma,
    start: fromNoise,
    ...oneTextEncoder,
    options: { ...chromaOptions, ...noiseStartOptions },
    defaults: { numInferenceSteps: 35, guidanceScale: 5 },
  });
