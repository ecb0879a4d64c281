/**
 * StableDiffusionControlNetInpaintPipeline: what a mask covers of an image is inpainted, after a
 * text and a second image that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543).
 * With UNets of 9 channels that see mask and image, or of 4.
 *
 * Not covered: AsymmetricAutoencoderKL.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetInpaintPipeline.fromPretrained(
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
  controlNets,
  sd,
  type SdOptions,
  sdOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetInpaintOptions
  extends SdOptions, MaskStartOptions, ControlledImageOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionControlNetInpaintOptions,
];

/** A loaded StableDiffusionControlNetInpaintPipeline. */
export type StableDiffusionControlNetInpaintPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images; `StableDiffusionControlNetInpaintPipeline` of diffusers. */
export const StableDiffusionControlNetInpaintPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionControlNetInpaintPipeline",
  task: "inpainting",
  family: sd,
  start: fromMask,
  control: controlNets,
  ...controlled,
  options: {
    ...sdOptions,
    ...maskStartOptions,
    ...controlledImageOptions,
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 1,
    guidanceScale: 7.5,
    controlnetConditioningScale: 0.5,
  },
});
