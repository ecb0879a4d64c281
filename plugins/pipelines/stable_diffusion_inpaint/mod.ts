/**
 * StableDiffusionInpaintPipeline: what a mask covers of an image is inpainted, after a text.
 * With a UNet of 9 channels that sees mask and image (Rombach et al., arXiv:2112.10752, section
 * 4.5), or with any UNet of 4 channels, where the rest of the image is put back at every step.
 *
 * Not covered: AsymmetricAutoencoderKL.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionInpaintPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-inpainting",
 * );
 * const { images } = await pipe("a cat on a bench", { image: "dog.png", maskImage: "mask.png" });
 * await images[0].save("cat.png");
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
  sd,
  type SdOptions,
  sdOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionInpaintOptions extends SdOptions, MaskStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionInpaintOptions,
];

/** A loaded StableDiffusionInpaintPipeline. */
export type StableDiffusionInpaintPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusionInpaintPipeline` of diffusers. */
export const StableDiffusionInpaintPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionInpaintPipeline",
  task: "inpainting",
  family: sd,
  start: fromMask,
  ...stableDiffusion,
  options: {
    ...sdOptions,
    ...maskStartOptions,
  },
  defaults: { numInferenceSteps: 50, strength: 1, guidanceScale: 7.5 },
});
