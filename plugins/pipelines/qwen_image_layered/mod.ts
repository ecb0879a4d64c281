/**
 * QwenImageLayeredPipeline: an image taken apart into layers with alpha, which lie over each other, with
 * Qwen-Image-Layered (Qwen Team, 2025, arXiv:2512.15603). The prompt says what the image shows.
 *
 * `images` are the layers of the first image, then those of the next one, from the back to the front: RGBA, as many as
 * `layers` says; diffusers gives a list for each image. Latents that are asked for are those of the whole image and of its layers,
 * [N, (layers + 1)·16, height / 8, width / 8]. Not covered: calls without a prompt, for which diffusers has the language
 * model write a caption; `latents`; `attentionKwargs`; `guidanceScale`, which no such model has learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImageLayeredPipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImageLayeredPipeline.fromPretrained("Qwen/Qwen-Image-Layered");
 * const { images } = await pipe("a cat on a sofa before a window", {
 *   image: "cat.png",
 *   layers: 3,
 *   negativePrompt: " ",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  fromLayerNoise,
  qwenImageLayered,
  type QwenImageLayeredComponents,
  qwenImageLayeredComponents,
  type QwenImageLayersOptions,
  qwenImageLayersOptions,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageLayeredOptions extends QwenImageOptions, QwenImageLayersOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageLayeredArguments = [
  prompt: Prompt | undefined,
  options: QwenImageLayeredOptions,
];

/** A loaded QwenImageLayeredPipeline. */
export type QwenImageLayeredPipeline = Pipeline<
  QwenImageLayeredComponents,
  QwenImageLayeredArguments,
  ImageOutput
>;

/** An image and text to layers with Qwen-Image-Layered; `QwenImageLayeredPipeline` of diffusers. */
export const QwenImageLayeredPipeline: PipelineClass<
  QwenImageLayeredComponents,
  QwenImageLayeredArguments,
  ImageOutput
> = latentPipeline({
  className: "QwenImageLayeredPipeline",
  task: "image-to-image",
  family: qwenImageLayered,
  start: fromLayerNoise,
  ...qwenImageLayeredComponents,
  options: { ...qwenImageOptions, ...qwenImageLayersOptions },
  defaults: { numInferenceSteps: 50, trueCfgScale: 4 },
});
