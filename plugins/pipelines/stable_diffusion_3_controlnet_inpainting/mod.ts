/**
 * StableDiffusion3ControlNetInpaintingPipeline: a part of an image made again as a text says, with
 * Stable Diffusion 3 (Esser et al., 2024, arXiv:2403.03206) and a ControlNet that sees what a mask leaves.
 * Around the mask the image is made again, too, much as it was.
 *
 * Control images are encoded without noise; diffusers draws some from torch's own generator, which the seed of a
 * call does not cover. Not covered: `controlnetPooledProjections`, on which diffusers 0.42.1 fails.
 *
 * @example
 * ```ts ignore
 * import { SD3ControlNetModel, StableDiffusion3ControlNetInpaintingPipeline } from "@denoise/denoise";
 *
 * const controlnet = await SD3ControlNetModel.fromPretrained("alimama-creative/SD3-Controlnet-Inpainting");
 * const pipe = await StableDiffusion3ControlNetInpaintingPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-3-medium-diffusers",
 *   { controlnet },
 * );
 * const { images } = await pipe("a girl in a city", {
 *   controlImage: "dog.png",
 *   controlMask: "mask.png",
 *   controlnetConditioningScale: 0.95,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  controlImageOption,
  type ControlMaskOption,
  controlMaskOption,
  controlRangeOptions,
  fromControlledNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  controlledSd3,
  sd3,
  type Sd3ControlComponents,
  type Sd3ControlledOptions,
  sd3InpaintingControlNets,
  type Sd3Options,
  sd3Options,
} from "@denoise/sd3";

/** Options of a call. */
export interface StableDiffusion3ControlNetInpaintingCallOptions
  extends Sd3Options, Sd3ControlledOptions, ControlMaskOption, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusion3ControlNetInpaintingArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusion3ControlNetInpaintingCallOptions,
];

/** A loaded StableDiffusion3ControlNetInpaintingPipeline. */
export type StableDiffusion3ControlNetInpaintingPipeline = Pipeline<
  Sd3ControlComponents,
  StableDiffusion3ControlNetInpaintingArguments,
  ImageOutput
>;

/** Image, mask and text to images with Stable Diffusion 3; `StableDiffusion3ControlNetInpaintingPipeline` of diffusers. */
export const StableDiffusion3ControlNetInpaintingPipeline: PipelineClass<
  Sd3ControlComponents,
  StableDiffusion3ControlNetInpaintingArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusion3ControlNetInpaintingPipeline",
  task: "inpainting",
  family: sd3,
  start: fromControlledNoise,
  control: sd3InpaintingControlNets,
  ...controlledSd3,
  options: {
    ...sd3Options,
    ...noiseStartOptions,
    ...controlRangeOptions,
    ...controlImageOption,
    ...controlMaskOption,
  },
  defaults: { numInferenceSteps: 28, guidanceScale: 7, controlnetConditioningScale: 1 },
});
