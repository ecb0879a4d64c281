/**
 * Flux2Pipeline: images from text, and from reference images that the text speaks of, with FLUX.2 dev (Black Forest
 * Labs, 2025), in about 50 steps; guided by an input of the model, so that a step is one call.
 *
 * Latents that are given or asked for are those of the transformer, [N, 128, height / 16, width / 16]. Not
 * covered: `attentionKwargs`; `captionUpsampleTemperature`, which has the language model write a longer prompt.
 *
 * @example
 * ```ts ignore
 * import { Flux2Pipeline } from "@denoise/denoise";
 *
 * const pipe = await Flux2Pipeline.fromPretrained("black-forest-labs/FLUX.2-dev");
 * const { images } = await pipe("the cat of image 1 on the sofa of image 2", {
 *   image: ["cat.png", "sofa.png"],
 *   numInferenceSteps: 28,
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
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import { type Flux2Components, flux2Dev, type Flux2Options, flux2Options } from "@denoise/flux2";

/** Options of a call. */
export interface Flux2CallOptions extends Flux2Options, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type Flux2Arguments = [prompt?: Prompt, options?: Flux2CallOptions];

/** A loaded Flux2Pipeline. */
export type Flux2Pipeline = Pipeline<Flux2Components, Flux2Arguments, ImageOutput>;

/** Text and reference images to images with FLUX.2 dev; `Flux2Pipeline` of diffusers. */
export const Flux2Pipeline: PipelineClass<Flux2Components, Flux2Arguments, ImageOutput> =
  textToImagePipeline({
    className: "Flux2Pipeline",
    task: ["text-to-image", "image-to-image"],
    family: flux2Dev,
    start: fromNoise,
    ...oneTextEncoder,
    options: { ...flux2Options, ...noiseStartOptions },
    defaults: { numInferenceSteps: 50, guidanceScale: 4 },
  });
