/**
 * StableDiffusionPipeline: images from text. Rombach et al., "High-Resolution Image Synthesis with
 * Latent Diffusion Models" (arXiv:2112.10752); Stable Diffusion 1.x and 2.x, and latent consistency
 * models in the same layout.
 *
 * Not covered yet: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const { images } = await pipe("An image of a squirrel in Picasso style", { seed: 0 });
 * await images[0].save("squirrel.png");
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
  sd,
  type SdOptions,
  sdOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

export type { StableDiffusionComponents };

/** Options of a call. */
export interface StableDiffusionOptions extends SdOptions, NoiseStartOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionArguments = [prompt?: Prompt, options?: StableDiffusionOptions];

/** A loaded StableDiffusionPipeline. */
export type StableDiffusionPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionArguments,
  ImageOutput
>;

/** Text to images; `StableDiffusionPipeline` of diffusers. */
export const StableDiffusionPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusionPipeline",
  task: "text-to-image",
  family: sd,
  start: fromNoise,
  ...stableDiffusion,
  options: {
    ...sdOptions,
    ...noiseStartOptions,
    guidanceRescale: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5 },
});
