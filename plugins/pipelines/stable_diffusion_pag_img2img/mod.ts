/**
 * StableDiffusionPAGImg2ImgPipeline: an image changed towards a text, guided by what the UNet
 * predicts with perturbed self-attention, too. Ahn et al., "Self-Rectifying Diffusion Sampling with
 * Perturbed-Attention Guidance" (arXiv:2403.17377). `AutoPipeline` takes it with `enablePag: true`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPAGImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPAGImg2ImgPipeline.fromPretrained(
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
export interface StableDiffusionPAGImg2ImgOptions
  extends SdOptions, ImageStartOptions, PagOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionPAGImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionPAGImg2ImgOptions,
];

/** A loaded StableDiffusionPAGImg2ImgPipeline. */
export type StableDiffusionPAGImg2ImgPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionPAGImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `StableDiffusionPAGImg2ImgPipeline` of diffusers. */
export const StableDiffusionPAGImg2ImgPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionPAGImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionPAGImg2ImgPipeline",
  task: "image-to-image",
  family: perturbed(sd),
  start: fromImage,
  ...stableDiffusion,
  options: {
    ...pagOptions,
    ...sdOptions,
    ...imageStartOptions,
  },
  defaults: { ...pagDefaults, numInferenceSteps: 50, strength: 0.8, guidanceScale: 7.5 },
});
