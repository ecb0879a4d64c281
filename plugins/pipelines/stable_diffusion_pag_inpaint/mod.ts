/**
 * StableDiffusionPAGInpaintPipeline: what a mask covers of an image is inpainted after a text,
 * guided by what the UNet predicts with perturbed self-attention, too. Ahn et al., "Self-Rectifying
 * Diffusion Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377). `AutoPipeline` takes it
 * with `enablePag: true`.
 *
 * Diffusers fails where `guidanceRescale` is used with both
 * guidances.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPAGInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPAGInpaintPipeline.fromPretrained(
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
export interface StableDiffusionPAGInpaintOptions extends SdOptions, MaskStartOptions, PagOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionPAGInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionPAGInpaintOptions,
];

/** A loaded StableDiffusionPAGInpaintPipeline. */
export type StableDiffusionPAGInpaintPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionPAGInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusionPAGInpaintPipeline` of diffusers. */
export const StableDiffusionPAGInpaintPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionPAGInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionPAGInpaintPipeline",
  task: "inpainting",
  family: perturbed(sd),
  start: fromMask,
  ...stableDiffusion,
  options: {
    ...pagOptions,
    ...sdOptions,
    ...maskStartOptions,
    guidanceRescale: { type: "number" },
  },
  defaults: { ...pagDefaults, numInferenceSteps: 50, strength: 0.9999, guidanceScale: 7.5 },
});
