/**
 * Flux2KleinKVPipeline: images from text and reference images with those models of FLUX.2 klein (Black Forest Labs,
 * 2026) that read references once a call: their tokens attend to themselves alone, and what other tokens see of them is
 * kept for all steps. Made for 4 steps, without guidance.
 *
 * Latents that are given or asked for are those of the transformer, [N, 128, height / 16, width / 16]. Not
 * covered: `attentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { Flux2KleinKVPipeline } from "@denoise/denoise";
 *
 * const pipe = await Flux2KleinKVPipeline.fromPretrained("black-forest-labs/FLUX.2-klein-9b-kv");
 * const { images } = await pipe("a cat dressed like a wizard", { image: "cat.png", seed: 0 });
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
  type Flux2Components,
  flux2Klein,
  type Flux2KleinKVOptions,
  flux2KleinKVOptions,
  flux2KV,
} from "@denoise/flux2";

/** Options of a call. */
export interface Flux2KleinKVCallOptions extends Flux2KleinKVOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type Flux2KleinKVArguments = [prompt?: Prompt, options?: Flux2KleinKVCallOptions];

/** A loaded Flux2KleinKVPipeline. */
export type Flux2KleinKVPipeline = Pipeline<Flux2Components, Flux2KleinKVArguments, ImageOutput>;

/** Text and reference images, read once, to images with FLUX.2 klein; `Flux2KleinKVPipeline` of diffusers. */
export const Flux2KleinKVPipeline: PipelineClass<
  Flux2Components,
  Flux2KleinKVArguments,
  ImageOutput
> = textToImagePipeline({
  className: "Flux2KleinKVPipeline",
  task: ["text-to-image", "image-to-image"],
  family: flux2KV,
  start: fromNoise,
  components: flux2Klein.components,
  options: { ...flux2KleinKVOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 4 },
});
