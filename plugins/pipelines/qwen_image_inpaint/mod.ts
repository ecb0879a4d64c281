/**
 * QwenImageInpaintPipeline: a part of an image inpainted as a text says, with Qwen-Image (Qwen Team, 2025,
 * arXiv:2508.02324). Image and mask are resized to the size of the call.
 *
 * Not covered: `latents`, `maskedImageLatents`, and `guidanceScale`, which no such model has
 * learned.
 *
 * @example
 * ```ts ignore
 * import { QwenImageInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImageInpaintPipeline.fromPretrained("Qwen/Qwen-Image");
 * const { images } = await pipe("a tabby cat on a bench", {
 *   image: "bench.png",
 *   maskImage: "mask.png",
 *   strength: 0.85,
 *   negativePrompt: " ",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromMaskWith,
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  oneTextEncoder,
  type Prompt,
} from "@denoise/diffusion";
import {
  qwenImage,
  qwenImageBlocks,
  type QwenImageComponents,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageInpaintOptions
  extends QwenImageOptions, Omit<MaskStartOptions, "latents" | "maskedImageLatents"> {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageInpaintArguments = [
  prompt: Prompt | undefined,
  options: QwenImageInpaintOptions,
];

/** A loaded QwenImageInpaintPipeline. */
export type QwenImageInpaintPipeline = Pipeline<
  QwenImageComponents,
  QwenImageInpaintArguments,
  ImageOutput
>;

const { latents: _latents, maskedImageLatents: _masked, ...inpaintOptions } = maskStartOptions;

/** Inpainting with Qwen-Image; `QwenImageInpaintPipeline` of diffusers. */
export const QwenImageInpaintPipeline: PipelineClass<
  QwenImageComponents,
  QwenImageInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "QwenImageInpaintPipeline",
  task: "inpainting",
  family: qwenImage,
  start: fromMaskWith({ seesMask: () => false, beginsWithImage: true }),
  ...oneTextEncoder,
  options: { ...qwenImageOptions, ...inpaintOptions },
  defaults: { numInferenceSteps: 50, strength: 0.6, trueCfgScale: 4 },
  blocks: qwenImageBlocks,
});
