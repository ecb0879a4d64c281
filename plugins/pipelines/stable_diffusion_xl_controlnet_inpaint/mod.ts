/**
 * StableDiffusionXLControlNetInpaintPipeline: what a mask covers of an image is inpainted, after
 * a text and a second image that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543)
 * with Stable Diffusion XL (arXiv:2307.01952). With UNets of 9 channels that see mask and image,
 * or of 4.
 *
 * Not covered: the invisible watermark. Where an autoencoder has
 * `latents_mean`, images are encoded and decoded with it; diffusers leaves that out here.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetInpaintPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
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
  type ControlledImageOptions,
  controlledImageOptions,
  controlledXL,
  controlNetsWith,
  type SdxlImageOptions,
  sdxlImageOptions,
  sdxlWith,
  type XlControlComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetInpaintOptions
  extends
    Omit<SdxlImageOptions, "timesteps" | "sigmas">,
    MaskStartOptions,
    ControlledImageOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetInpaintOptions,
];

const { timesteps: _, sigmas: __, ...imageOptions } = sdxlImageOptions;

/** A loaded StableDiffusionXLControlNetInpaintPipeline. */
export type StableDiffusionXLControlNetInpaintPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images; `StableDiffusionXLControlNetInpaintPipeline` of diffusers. */
export const StableDiffusionXLControlNetInpaintPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetInpaintPipeline",
  task: "inpainting",
  family: sdxlWith({ withoutTimestepCond: true, negativeCropsAsPositive: true }),
  start: fromMask,
  control: controlNetsWith({ guessModeAsGiven: true }),
  ...controlledXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...imageOptions,
    ...maskStartOptions,
    ...controlledImageOptions,
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.9999,
    guidanceScale: 5,
    controlnetConditioningScale: 1,
  },
});
