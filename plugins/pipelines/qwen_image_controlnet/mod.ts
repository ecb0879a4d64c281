/**
 * QwenImageControlNetPipeline: images from a text with Qwen-Image (Qwen Team, 2025, arXiv:2508.02324) and
 * ControlNets: Zhang, Rao and Agrawala (arXiv:2302.05543). An image of edges, a pose or depth says where things
 * are. A ControlNet in a list takes several images, which diffusers calls QwenImageMultiControlNetModel.
 *
 * Not covered: `guidanceScale`, which no such model has learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImageControlNetModel, QwenImageControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await QwenImageControlNetModel.fromPretrained(
 *   "InstantX/Qwen-Image-ControlNet-Union",
 * );
 * const pipe = await QwenImageControlNetPipeline.fromPretrained("Qwen/Qwen-Image", {
 *   controlnet,
 * });
 * const { images } = await pipe("a pagoda in autumn", {
 *   controlImage: "edges.png",
 *   negativePrompt: " ",
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  controlImageOption,
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
  qwenImageControlNets,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageControlNetCallOptions
  extends QwenImageOptions, QwenImageControlledOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageControlNetArguments = [
  prompt: Prompt | undefined,
  options: QwenImageControlNetCallOptions,
];

/** A loaded QwenImageControlNetPipeline. */
export type QwenImageControlNetPipeline = Pipeline<
  QwenImageControlComponents,
  QwenImageControlNetArguments,
  ImageOutput
>;

/** Control images and text to images with Qwen-Image; `QwenImageControlNetPipeline` of diffusers. */
export const QwenImageControlNetPipeline: PipelineClass<
  QwenImageControlComponents,
  QwenImageControlNetArguments,
  ImageOutput
> = latentPipeline({
  className: "QwenImageControlNetPipeline",
  task: "text-to-image",
  family: qwenImage,
  start: fromControlledNoise,
  control: qwenImageControlNets,
  ...controlledQwenImage,
  options: {
    ...qwenImageOptions,
    ...noiseStartOptions,
    ...controlRangeOptions,
    ...controlImageOption,
  },
  defaults: { numInferenceSteps: 50, trueCfgScale: 4, controlnetConditioningScale: 1 },
});
