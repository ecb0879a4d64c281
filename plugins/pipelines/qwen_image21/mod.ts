/**
 * QwenImage21Pipeline: images with transparency from text, and from images that the text speaks of, with Qwen-Image
 * 2.1 (Qwen Team, 2026), a transformer of 7 billion parameters that reads prompts and images with Qwen3-VL-8B, made
 * for calls without guidance; Turbo has noise levels of its own, which say how many steps there are.
 *
 * Latents that are given or asked for are [N, 64, height / 16, width / 16]; diffusers has them as tokens. Sides that
 * are no multiples of 32 are cut, with a warning. What the prompt comes to is computed in each step, images and the
 * text before them once.
 *
 * @example
 * ```ts ignore
 * import { QwenImage21Pipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImage21Pipeline.fromPretrained("Qwen/Qwen-Image-2.1");
 * const { images } = await pipe("a paper boat, on a transparent ground", { seed: 0 });
 * const edited = await pipe("put the boat of <image1> on the lake of <image2>", {
 *   image: [images[0]!, "lake.png"],
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
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  qwenImage21,
  type QwenImage21Components,
  qwenImage21Components,
  type QwenImage21Options,
  qwenImage21Options,
} from "@denoise/qwen-image21";

/** Options of a call. */
export interface QwenImage21CallOptions extends QwenImage21Options, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImage21Arguments = [prompt?: Prompt, options?: QwenImage21CallOptions];

/** A loaded QwenImage21Pipeline. */
export type QwenImage21Pipeline = Pipeline<
  QwenImage21Components,
  QwenImage21Arguments,
  ImageOutput
>;

/** Text, and images, to images with Qwen-Image 2.1; `QwenImage21Pipeline` of diffusers. */
export const QwenImage21Pipeline: PipelineClass<
  QwenImage21Components,
  QwenImage21Arguments,
  ImageOutput
> = textToImagePipeline({
  className: "QwenImage21Pipeline",
  task: ["text-to-image", "image-to-image"],
  family: qwenImage21,
  start: fromNoise,
  ...qwenImage21Components,
  options: { ...qwenImage21Options, ...noiseStartOptions },
  defaults: { numInferenceSteps: 40, trueCfgScale: 1 },
});
