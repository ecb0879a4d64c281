/**
 * StableDiffusionPAGPipeline: images from text, guided by what the UNet predicts with perturbed
 * self-attention, too. Ahn et al., "Self-Rectifying Diffusion Sampling with Perturbed-Attention
 * Guidance" (arXiv:2403.17377). `AutoPipeline` takes it with `enablePag: true`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPAGPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPAGPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const { images } = await pipe("An image of a squirrel in Picasso style", { pagScale: 3, seed: 0 });
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
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  sd,
  type SdOptions,
  sdOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionPAGOptions extends SdOptions, NoiseStartOptions, PagOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionPAGArguments = [prompt?: Prompt, options?: StableDiffusionPAGOptions];

/** A loaded StableDiffusionPAGPipeline. */
export type StableDiffusionPAGPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionPAGArguments,
  ImageOutput
>;

/** Text to images; `StableDiffusionPAGPipeline` of diffusers. */
export const StableDiffusionPAGPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionPAGArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusionPAGPipeline",
  task: "text-to-image",
  family: perturbed(sd),
  start: fromNoise,
  ...stableDiffusion,
  options: {
    ...pagOptions,
    ...sdOptions,
    ...noiseStartOptions,
    guidanceRescale: { type: "number" },
  },
  defaults: { ...pagDefaults, numInferenceSteps: 50, guidanceScale: 7.5 },
});
