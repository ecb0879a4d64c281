/**
 * StableDiffusionXLPipeline: images from text with two text encoders and a UNet conditioned on the
 * image's size. Podell et al., "SDXL: Improving Latent Diffusion Models for High-Resolution Image
 * Synthesis" (arXiv:2307.01952). With `denoisingEnd` and `outputType: "latent"` a refiner can go on
 * where it stops: StableDiffusionXLImg2ImgPipeline with `denoisingStart`.
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 * );
 * const { images } = await pipe("a lighthouse at dusk, film grain", { seed: 0 });
 * await images[0].save("lighthouse.png");
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
  sdxl,
  type SdxlTextOptions,
  sdxlTextOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
} from "@denoise/stable-diffusion";

export type { StableDiffusionXLComponents };

/** Options of a call. */
export interface StableDiffusionXLOptions extends SdxlTextOptions, NoiseStartOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLArguments = [prompt?: Prompt, options?: StableDiffusionXLOptions];

/** A loaded StableDiffusionXLPipeline. */
export type StableDiffusionXLPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLArguments,
  ImageOutput
>;

/** Text to images; `StableDiffusionXLPipeline` of diffusers. */
export const StableDiffusionXLPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusionXLPipeline",
  task: "text-to-image",
  family: sdxl,
  start: fromNoise,
  ...stableDiffusionXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlTextOptions,
    ...noiseStartOptions,
    guidanceRescale: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5 },
  blocks: { StableDiffusionXLModularPipeline: { _defaults: { guidance_scale: 7.5 } } },
});
