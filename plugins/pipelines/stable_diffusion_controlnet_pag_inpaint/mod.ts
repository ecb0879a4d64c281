/**
 * StableDiffusionControlNetPAGInpaintPipeline: what a mask covers of an image is inpainted after a
 * text and a control image, guided by what the UNet predicts with perturbed self-attention, too.
 * Ahn et al., "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance"
 * (arXiv:2403.17377). `AutoPipeline` takes it with `enablePag: true`.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetPAGInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetPAGInpaintPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a cat on a bench", {
 *   image: "dog.png",
 *   maskImage: "mask.png",
 *   controlImage: "edges.png",
 * });
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
  type ControlComponents,
  controlled,
  type ControlledImageOptions,
  controlledImageOptions,
  controlNetsWith,
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  sd,
  type SdOptions,
  sdOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetPAGInpaintOptions
  extends SdOptions, MaskStartOptions, Omit<ControlledImageOptions, "guessMode">, PagOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetPAGInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionControlNetPAGInpaintOptions,
];

const { guessMode: _, ...controlOptions } = controlledImageOptions;

/** A loaded StableDiffusionControlNetPAGInpaintPipeline. */
export type StableDiffusionControlNetPAGInpaintPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetPAGInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images; `StableDiffusionControlNetPAGInpaintPipeline` of diffusers. */
export const StableDiffusionControlNetPAGInpaintPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetPAGInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionControlNetPAGInpaintPipeline",
  task: "inpainting",
  family: perturbed(sd),
  start: fromMask,
  control: controlNetsWith({ guessModeAsGiven: true }),
  ...controlled,
  options: {
    ...pagOptions,
    ...sdOptions,
    ...maskStartOptions,
    ...controlOptions,
  },
  defaults: {
    ...pagDefaults,
    numInferenceSteps: 50,
    strength: 1,
    guidanceScale: 7.5,
    controlnetConditioningScale: 0.5,
  },
});
