/**
 * StableDiffusion3InpaintPipeline: a part of an image made again as a text says, with Stable Diffusion 3
 * and 3.5 (Esser et al., 2024, arXiv:2403.03206). Image and mask are resized to the size of the call.
 *
 * As in diffusers, latents are decoded without the autoencoder's `shift_factor`, with which the image is
 * encoded.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusion3InpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusion3InpaintPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-3.5-medium",
 * );
 * const { images } = await pipe("a cat on a bench", { image: "dog.png", maskImage: "mask.png" });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  fromSd3Mask,
  sd3Blocks,
  type Sd3Components,
  sd3Components,
  sd3Inpainting,
  type Sd3Options,
  sd3Options,
} from "@denoise/sd3";

/** Options of a call. */
export interface StableDiffusion3InpaintOptions extends Sd3Options, MaskStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusion3InpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusion3InpaintOptions,
];

/** A loaded StableDiffusion3InpaintPipeline. */
export type StableDiffusion3InpaintPipeline = Pipeline<
  Sd3Components,
  StableDiffusion3InpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusion3InpaintPipeline` of diffusers. */
export const StableDiffusion3InpaintPipeline: PipelineClass<
  Sd3Components,
  StableDiffusion3InpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusion3InpaintPipeline",
  task: "inpainting",
  family: sd3Inpainting,
  start: fromSd3Mask,
  ...sd3Components,
  options: { ...sd3Options, ...maskStartOptions },
  defaults: { numInferenceSteps: 50, strength: 0.6, guidanceScale: 7 },
  blocks: sd3Blocks,
});
