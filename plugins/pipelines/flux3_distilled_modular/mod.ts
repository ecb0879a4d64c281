/**
 * Flux3DistilledModularPipeline: images from text, and from reference images that the text speaks of, with FLUX.3 klein
 * (Black Forest Labs, 2026), which was distilled to 16 steps without guidance.
 *
 * The prompt is encoded as it is given, as diffusers does without its block `prompt_upsampler`. The models want it as
 * a full description of the scene: a language model of their own (flux-3-image-klein-pup) writes it in diffusers, and
 * does not run here. Latents that are given or asked for are those of the transformer, [N, 128, height / 16,
 * width / 16]. Not covered: `boxes` and `max_new_tokens` of the upsampler.
 *
 * @example
 * ```ts ignore
 * import { Flux3DistilledModularPipeline } from "@denoise/denoise";
 *
 * const pipe = await Flux3DistilledModularPipeline.fromPretrained(
 *   "black-forest-labs/flux-3-image-klein",
 * );
 * const { images } = await pipe("Close-up photograph, a red fox in the snow, its fur dusted white", {
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
  type Flux3Components,
  flux3Components,
  flux3Distilled,
  type Flux3DistilledOptions,
  flux3DistilledOptions,
} from "@denoise/flux3";

/** Options of a call. */
export interface Flux3DistilledCallOptions extends Flux3DistilledOptions, NoiseStartOptions {}

/** What a call is given: a prompt, none with `promptEmbeds`, then options. */
export type Flux3DistilledArguments = [prompt?: Prompt, options?: Flux3DistilledCallOptions];

/** A loaded Flux3DistilledModularPipeline. */
export type Flux3DistilledModularPipeline = Pipeline<
  Flux3Components,
  Flux3DistilledArguments,
  ImageOutput
>;

/** Text and reference images to images with FLUX.3 klein; `Flux3DistilledModularPipeline` of diffusers. */
export const Flux3DistilledModularPipeline: PipelineClass<
  Flux3Components,
  Flux3DistilledArguments,
  ImageOutput
> = textToImagePipeline({
  className: "Flux3DistilledModularPipeline",
  task: ["text-to-image", "image-to-image"],
  family: flux3Distilled,
  start: fromNoise,
  components: flux3Components,
  options: { ...flux3DistilledOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 16 },
});
