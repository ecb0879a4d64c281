/**
 * Flux2KleinPipeline: images from text, and from reference images that the text speaks of, with FLUX.2 klein
 * (Black Forest Labs, 2026): the distilled models in 4 steps, the base models in about 50 with guidance.
 *
 * Latents that are given or asked for are those of the transformer, [N, 128, height / 16, width / 16]. Not
 * covered: `attentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { Flux2KleinPipeline } from "@denoise/denoise";
 *
 * const pipe = await Flux2KleinPipeline.fromPretrained("black-forest-labs/FLUX.2-klein-4B");
 * const { images } = await pipe("the cat of image 1 on the sofa of image 2", {
 *   image: ["cat.png", "sofa.png"],
 *   numInferenceSteps: 4,
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
  flux2,
  type Flux2Components,
  flux2Klein,
  type Flux2KleinOptions,
  flux2KleinOptions,
} from "@denoise/flux2";

/** Options of a call. */
export interface Flux2KleinCallOptions extends Flux2KleinOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type Flux2KleinArguments = [prompt?: Prompt, options?: Flux2KleinCallOptions];

/** A loaded Flux2KleinPipeline. */
export type Flux2KleinPipeline = Pipeline<Flux2Components, Flux2KleinArguments, ImageOutput>;

/** Text and reference images to images with FLUX.2 klein; `Flux2KleinPipeline` of diffusers. */
export const Flux2KleinPipeline: PipelineClass<Flux2Components, Flux2KleinArguments, ImageOutput> =
  textToImagePipeline({
    className: "Flux2KleinPipeline",
    task: ["text-to-image", "image-to-image"],
    family: flux2,
    start: fromNoise,
    ...flux2Klein,
    options: { ...flux2KleinOptions, ...noiseStartOptions },
    defaults: { numInferenceSteps: 50, guidanceScale: 4 },
  });
