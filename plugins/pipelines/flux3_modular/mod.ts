/**
 * Flux3ModularPipeline: images from text, and from reference images that the text speaks of, with FLUX.3 klein base
 * (Black Forest Labs, 2026), in about 50 steps with guidance.
 *
 * The prompt is encoded as it is given, as diffusers does without its block `prompt_upsampler`. The models want it as
 * a full description of the scene: a language model of their own (flux-3-image-klein-pup) writes it in diffusers, and
 * does not run here. Latents that are given or asked for are those of the transformer, [N, 128, height / 16,
 * width / 16]. Not covered: `boxes` and `max_new_tokens` of the upsampler, other guiders than classifier-free guidance.
 *
 * @example
 * ```ts ignore
 * import { Flux3ModularPipeline } from "@denoise/denoise";
 *
 * const pipe = await Flux3ModularPipeline.fromPretrained("black-forest-labs/flux-3-image-klein-base");
 * const { images } = await pipe("Replace the sky of the image with a thunderstorm", {
 *   image: "field.png",
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
  flux3,
  type Flux3Components,
  flux3Components,
  type Flux3Options,
  flux3Options,
} from "@denoise/flux3";

/** Options of a call. */
export interface Flux3CallOptions extends Flux3Options, NoiseStartOptions {}

/** What a call is given: a prompt, none with `promptEmbeds`, then options. */
export type Flux3Arguments = [prompt?: Prompt, options?: Flux3CallOptions];

/** A loaded Flux3ModularPipeline. */
export type Flux3ModularPipeline = Pipeline<Flux3Components, Flux3Arguments, ImageOutput>;

/** Text and reference images to images with FLUX.3 klein base; `Flux3ModularPipeline` of diffusers. */
export const Flux3ModularPipeline: PipelineClass<Flux3Components, Flux3Arguments, ImageOutput> =
  textToImagePipeline({
    className: "Flux3ModularPipeline",
    task: ["text-to-image", "image-to-image"],
    family: flux3,
    start: fromNoise,
    components: flux3Components,
    options: { ...flux3Options, ...noiseStartOptions },
    defaults: { numInferenceSteps: 50, guidanceScale: 3.5 },
  });
