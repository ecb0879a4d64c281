/**
 * QwenImagePipeline: images from text with Qwen-Image (Qwen Team, 2025, arXiv:2508.02324), guided where the call
 * has a negative prompt: `" "` is one.
 *
 * Latents that are given or asked for are [N, 16, height / 8, width / 8]; diffusers packs them into
 * tokens. Several images of each of several prompts are what each prompt says; diffusers 0.42.1 cuts some of their
 * texts to the length of another one there. Not covered: `guidanceScale`, which no such model has learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImagePipeline.fromPretrained("Qwen/Qwen-Image");
 * const { images } = await pipe("a coffee shop with a sign that says “open”", {
 *   negativePrompt: " ",
 *   trueCfgScale: 4,
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  qwenImage,
  qwenImageBlocks,
  type QwenImageComponents,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageCallOptions extends QwenImageOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageArguments = [prompt?: Prompt, options?: QwenImageCallOptions];

/** A loaded QwenImagePipeline. */
export type QwenImagePipeline = Pipeline<QwenImageComponents, QwenImageArguments, ImageOutput>;

/** Text to images with Qwen-Image; `QwenImagePipeline` of diffusers. */
export const QwenImagePipeline: PipelineClass<
  QwenImageComponents,
  QwenImageArguments,
  ImageOutput
> = textToImagePipeline({
  className: "QwenImagePipeline",
  task: "text-to-image",
  family: qwenImage,
  start: fromNoise,
  ...oneTextEncoder,
  options: { ...qwenImageOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 50, trueCfgScale: 4 },
  blocks: qwenImageBlocks,
});
