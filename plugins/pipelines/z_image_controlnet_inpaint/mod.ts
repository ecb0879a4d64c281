/**
 * ZImageControlNetInpaintPipeline: a part of an image made again as a text says, with Z-Image (Z-Image
 * Team, 2025, arXiv:2511.22699) and a ControlNet of version 2.0 or later, which sees what a mask leaves and an image
 * of edges, a pose or depth.
 *
 * One mask for several images covers each of them; diffusers
 * 0.42.1 takes as many masks as images.
 *
 * @example
 * ```ts ignore
 * import { ZImageControlNetModel, ZImageControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ZImageControlNetModel.fromPretrained("./controlnet");
 * const pipe = await ZImageControlNetInpaintPipeline.fromPretrained("Tongyi-MAI/Z-Image-Turbo", {
 *   controlnet,
 * });
 * const { images } = await pipe("a woman on a beach", {
 *   image: "beach.png",
 *   maskImage: "mask.png",
 *   controlImage: "pose.png",
 *   numInferenceSteps: 9,
 *   guidanceScale: 0,
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromControlledNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  controlledZImage,
  zImage,
  type ZImageControlComponents,
  type ZImageControlledOptions,
  zImageControlledOptions,
  type ZImageControlMaskOptions,
  zImageControlMaskOptions,
  zImageInpaintingControlNet,
  type ZImageOptions,
  zImageOptions,
} from "@denoise/z-image";

/** Options of a call. */
export interface ZImageControlNetInpaintCallOptions
  extends ZImageOptions, ZImageControlledOptions, ZImageControlMaskOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ZImageControlNetInpaintArguments = [
  prompt: Prompt | undefined,
  options: ZImageControlNetInpaintCallOptions,
];

/** A loaded ZImageControlNetInpaintPipeline. */
export type ZImageControlNetInpaintPipeline = Pipeline<
  ZImageControlComponents,
  ZImageControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images with Z-Image; `ZImageControlNetInpaintPipeline` of diffusers. */
export const ZImageControlNetInpaintPipeline: PipelineClass<
  ZImageControlComponents,
  ZImageControlNetInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "ZImageControlNetInpaintPipeline",
  task: "inpainting",
  family: zImage,
  start: fromControlledNoise,
  control: zImageInpaintingControlNet,
  ...controlledZImage,
  options: {
    ...zImageOptions,
    ...noiseStartOptions,
    ...zImageControlledOptions,
    ...zImageControlMaskOptions,
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5, controlnetConditioningScale: 0.75 },
});
