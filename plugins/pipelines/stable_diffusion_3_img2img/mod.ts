/**
 * StableDiffusion3Img2ImgPipeline: an image changed as a text says, with Stable Diffusion 3 and 3.5
 * (Esser et al., 2024, arXiv:2403.03206). The image is resized to the size of the call.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusion3Img2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusion3Img2ImgPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-3.5-medium",
 * );
 * const { images } = await pipe("a watercolour", { image: "photo.png", strength: 0.8, seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromResizedImage,
  latentPipeline,
  type Prompt,
  type ResizedImageStartOptions,
  resizedImageStartOptions,
} from "@denoise/diffusion";
import {
  sd3,
  sd3Blocks,
  type Sd3Components,
  sd3Components,
  type Sd3Options,
  sd3Options,
} from "@denoise/sd3";

/** Options of a call. */
export interface StableDiffusion3Img2ImgOptions extends Sd3Options, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusion3Img2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusion3Img2ImgOptions,
];

/** A loaded StableDiffusion3Img2ImgPipeline. */
export type StableDiffusion3Img2ImgPipeline = Pipeline<
  Sd3Components,
  StableDiffusion3Img2ImgArguments,
  ImageOutput
>;

/** Image and text to images with Stable Diffusion 3; `StableDiffusion3Img2ImgPipeline` of diffusers. */
export const StableDiffusion3Img2ImgPipeline: PipelineClass<
  Sd3Components,
  StableDiffusion3Img2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusion3Img2ImgPipeline",
  task: "image-to-image",
  family: sd3,
  start: fromResizedImage,
  ...sd3Components,
  options: { ...sd3Options, ...resizedImageStartOptions },
  defaults: { numInferenceSteps: 50, strength: 0.6, guidanceScale: 7 },
  blocks: sd3Blocks,
});
