/**
 * QwenImageControlNetInpaintPipeline: a part of an image made again as a text says, with Qwen-Image
 * (Qwen Team, 2025, arXiv:2508.02324) and a ControlNet that sees what a mask leaves. Around the mask the image is
 * made again, too, much as it was.
 *
 * Not covered: `guidanceScale`, which no such model has learned.
 * The control image is encoded without noise; diffusers draws some from torch's own generator, which the seed of
 * a call does not cover.
 *
 * @example
 * ```ts ignore
 * import { QwenImageControlNetModel, QwenImageControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await QwenImageControlNetModel.fromPretrained(
 *   "InstantX/Qwen-Image-ControlNet-Inpainting",
 * );
 * const pipe = await QwenImageControlNetInpaintPipeline.fromPretrained("Qwen/Qwen-Image", {
 *   controlnet,
 * });
 * const { images } = await pipe("a pagoda in autumn", {
 *   controlImage: "street.png",
 *   controlMask: "mask.png",
 *   negativePrompt: " ",
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
  controlledQwenImage,
  qwenImage,
  type QwenImageControlComponents,
  type QwenImageControlledOptions,
  qwenImageInpaintingControlNet,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageControlNetInpaintCallOptions
  extends QwenImageOptions, QwenImageControlledOptions, ControlMaskOption, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageControlNetInpaintArguments = [
  prompt: Prompt | undefined,
  options: QwenImageControlNetInpaintCallOptions,
];

/** A loaded QwenImageControlNetInpaintPipeline. */
export type QwenImageControlNetInpaintPipeline = Pipeline<
  QwenImageControlComponents,
  QwenImageControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images with Qwen-Image; `QwenImageControlNetInpaintPipeline` of diffusers. */
export const QwenImageControlNetInpaintPipeline: PipelineClass<
  QwenImageControlComponents,
  QwenImageControlNetInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "QwenImageControlNetInpaintPipeline",
  task: "inpainting",
  family: qwenImage,
  start: fromControlledNoise,
  control: qwenImageInpaintingControlNet,
  ...controlledQwenImage,
  options: {
    ...qwenImageOptions,
    ...noiseStartOptions,
    ...controlRangeOptions,
    ...controlImageOption,
    ...controlMaskOption,
  },
  defaults: { numInferenceSteps: 50, trueCfgScale: 4, controlnetConditioningScale: 1 },
});
