/**
 * ZImageControlNetPipeline: images from a text with Z-Image (Z-Image Team, 2025, arXiv:2511.22699) and a
 * ControlNet (Zhang, Rao and Agrawala, arXiv:2302.05543): an image of edges, a pose or depth says where things are.
 *
 * @example
 * ```ts ignore
 * import { ZImageControlNetModel, ZImageControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ZImageControlNetModel.fromPretrained("./controlnet");
 * const pipe = await ZImageControlNetPipeline.fromPretrained("Tongyi-MAI/Z-Image-Turbo", {
 *   controlnet,
 * });
 * const { images } = await pipe("a woman on a beach", {
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
  zImageControlNet,
  type ZImageOptions,
  zImageOptions,
} from "@denoise/z-image";

/** Options of a call. */
export interface ZImageControlNetCallOptions
  extends ZImageOptions, ZImageControlledOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ZImageControlNetArguments = [
  prompt: Prompt | undefined,
  options: ZImageControlNetCallOptions,
];

/** A loaded ZImageControlNetPipeline. */
export type ZImageControlNetPipeline = Pipeline<
  ZImageControlComponents,
  ZImageControlNetArguments,
  ImageOutput
>;

/** Control image and text to images with Z-Image; `ZImageControlNetPipeline` of diffusers. */
export const ZImageControlNetPipeline: PipelineClass<
  ZImageControlComponents,
  ZImageControlNetArguments,
  ImageOutput
> = latentPipeline({
  className: "ZImageControlNetPipeline",
  task: "text-to-image",
  family: zImage,
  start: fromControlledNoise,
  control: zImageControlNet,
  ...controlledZImage,
  options: { ...zImageOptions, ...noiseStartOptions, ...zImageControlledOptions },
  defaults: { numInferenceSteps: 50, guidanceScale: 5, controlnetConditioningScale: 0.75 },
});
