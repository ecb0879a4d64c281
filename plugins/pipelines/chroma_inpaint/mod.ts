/**
 * ChromaInpaintPipeline: what a mask covers of an image is inpainted, after a text, with Chroma (Lodestone
 * Rock, 2025). That of diffusers 0.42.1 asks the transformer for `guidance_embeds`, which it does not have; this
 * one is held against it with that set to false. `paddingMaskCrop` gives the part around the mask alone, as there.
 *
 * Not covered: IP-Adapters.
 *
 * @example
 * ```ts ignore
 * import { ChromaInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await ChromaInpaintPipeline.fromPretrained("lodestones/Chroma1-HD");
 * const { images } = await pipe("a yellow cat", { image: "dog.png", maskImage: "mask.png", strength: 0.85 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromMaskWith,
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  oneTextEncoder,
  type Prompt,
} from "@denoise/diffusion";
import { chroma, type ChromaComponents, type ChromaOptions, chromaOptions } from "@denoise/chroma";

/** Options of a call. */
export interface ChromaInpaintCallOptions extends ChromaOptions, MaskStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ChromaInpaintArguments = [
  prompt: Prompt | undefined,
  options: ChromaInpaintCallOptions,
];

/** A loaded ChromaInpaintPipeline. */
export type ChromaInpaintPipeline = Pipeline<ChromaComponents, ChromaInpaintArguments, ImageOutput>;

/** Image, mask and text to images with Chroma; `ChromaInpaintPipeline` of diffusers. */
export const ChromaInpaintPipeline: PipelineClass<
  ChromaComponents,
  ChromaInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "ChromaInpaintPipeline",
  task: "inpainting",
  family: chroma,
  start: fromMaskWith({ seesMask: () => false, beginsWithImage: true, givesPart: true }),
  ...oneTextEncoder,
  options: { ...chromaOptions, ...maskStartOptions },
  defaults: { numInferenceSteps: 28, strength: 0.6, guidanceScale: 7, maxSequenceLength: 256 },
});
