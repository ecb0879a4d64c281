/**
 * StableDiffusionXLPAGInpaintPipeline: what a mask covers of an image is inpainted with Stable
 * Diffusion XL, guided by what the UNet predicts with perturbed self-attention, too. Ahn et al.,
 * "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377).
 * `AutoPipeline` takes it with `enablePag: true`.
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLPAGInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLPAGInpaintPipeline.fromPretrained(
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
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  sdxl,
  type SdxlImageOptions,
  sdxlImageOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLPAGInpaintOptions
  extends SdxlImageOptions, MaskStartOptions, PagOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLPAGInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLPAGInpaintOptions,
];

/** A loaded StableDiffusionXLPAGInpaintPipeline. */
export type StableDiffusionXLPAGInpaintPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLPAGInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusionXLPAGInpaintPipeline` of diffusers. */
export const StableDiffusionXLPAGInpaintPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLPAGInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLPAGInpaintPipeline",
  task: "inpainting",
  family: perturbed(sdxl),
  start: fromMask,
  ...stableDiffusionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...pagOptions,
    ...sdxlImageOptions,
    ...maskStartOptions,
  },
  defaults: { ...pagDefaults, numInferenceSteps: 50, strength: 0.9999, guidanceScale: 7.5 },
});
