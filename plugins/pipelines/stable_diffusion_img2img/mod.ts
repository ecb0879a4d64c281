/**
 * StableDiffusionImg2ImgPipeline: an image changed towards a text. The image's latents are
 * noised as far as `strength` says and denoised from there: SDEdit, Meng et al. (arXiv:2108.01073).
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionImg2ImgPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const { images } = await pipe("a castle, oil painting", { image: "sketch.png", strength: 0.7 });
 * await images[0].save("castle.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
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
export interface StableDiffusionImg2ImgOptions extends SdOptions, ImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionImg2ImgOptions,
];

/** A loaded StableDiffusionImg2ImgPipeline. */
export type StableDiffusionImg2ImgPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `StableDiffusionImg2ImgPipeline` of diffusers. */
export const StableDiffusionImg2ImgPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionImg2ImgPipeline",
  task: "image-to-image",
  family: sd,
  start: fromImage,
  ...stableDiffusion,
  options: {
    ...sdOptions,
    ...imageStartOptions,
  },
  defaults: { numInferenceSteps: 50, strength: 0.8, guidanceScale: 7.5 },
});
