/**
 * StableDiffusionXLInpaintPipeline: what a mask covers of an image is inpainted, after a text.
 * With a UNet of 9 channels that sees mask and image, or with any Stable Diffusion XL UNet of 4
 * channels (Podell et al., arXiv:2307.01952), where the rest of the image is put back each step.
 *
 * Not covered: the invisible watermark. Where
 * an autoencoder has `latents_mean`, images are encoded with it; diffusers leaves that out here.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLInpaintPipeline.fromPretrained(
 *   "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
 * );
 * const { images } = await pipe("a lion on a bench", { image: "dog.png", maskImage: "mask.png" });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromMask,
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  sdxl,
  type SdxlImageOptions,
  sdxlImageOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLInpaintOptions extends SdxlImageOptions, MaskStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLInpaintOptions,
];

/** A loaded StableDiffusionXLInpaintPipeline. */
export type StableDiffusionXLInpaintPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusionXLInpaintPipeline` of diffusers. */
export const StableDiffusionXLInpaintPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLInpaintPipeline",
  task: "inpainting",
  family: sdxl,
  start: fromMask,
  ...stableDiffusionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlImageOptions,
    ...maskStartOptions,
  },
  defaults: { numInferenceSteps: 50, strength: 0.9999, guidanceScale: 7.5 },
});
