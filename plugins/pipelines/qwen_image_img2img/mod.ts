/**
 * QwenImageImg2ImgPipeline: an image changed as a text says, with Qwen-Image (Qwen Team, 2025,
 * arXiv:2508.02324). The image is resized to the size of the call.
 *
 * Not covered: `guidanceScale`, which no such model has learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImageImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImageImg2ImgPipeline.fromPretrained("Qwen/Qwen-Image");
 * const { images } = await pipe("a watercolour", {
 *   image: "photo.png",
 *   strength: 0.8,
 *   negativePrompt: " ",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromResizedImage,
  latentPipeline,
  oneTextEncoder,
  type Prompt,
  type ResizedImageStartOptions,
  resizedImageStartOptions,
} from "@denoise/diffusion";
import {
  qwenImage,
  qwenImageBlocks,
  type QwenImageComponents,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageImg2ImgOptions extends QwenImageOptions, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: QwenImageImg2ImgOptions,
];

/** A loaded QwenImageImg2ImgPipeline. */
export type QwenImageImg2ImgPipeline = Pipeline<
  QwenImageComponents,
  QwenImageImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images with Qwen-Image; `QwenImageImg2ImgPipeline` of diffusers. */
export const QwenImageImg2ImgPipeline: PipelineClass<
  QwenImageComponents,
  QwenImageImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "QwenImageImg2ImgPipeline",
  task: "image-to-image",
  family: qwenImage,
  start: fromResizedImage,
  ...oneTextEncoder,
  options: { ...qwenImageOptions, ...resizedImageStartOptions },
  defaults: { numInferenceSteps: 50, strength: 0.6, trueCfgScale: 4 },
  blocks: qwenImageBlocks,
});
