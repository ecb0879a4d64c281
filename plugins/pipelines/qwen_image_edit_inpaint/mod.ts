/**
 * QwenImageEditInpaintPipeline: a part of an image changed as a text says, with Qwen-Image-Edit (Qwen Team, 2025,
 * arXiv:2508.02324), whose language model reads the whole image. Image and mask are brought to about 1024² pixels in
 * the shape of the image.
 *
 * Positions of image tokens in the language model are those that it was trained with; diffusers 0.42.1 with
 * transformers 5 leaves them out. Not covered: `guidanceScale`, which no such model has learned,
 * `paddingMaskCrop`, `latents`, `maskedImageLatents`, and sizes, which diffusers does not heed.
 *
 * @example
 * ```ts ignore
 * import { QwenImageEditInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await QwenImageEditInpaintPipeline.fromPretrained("Qwen/Qwen-Image-Edit");
 * const { images } = await pipe("put a hat on the cat", {
 *   image: "cat.png",
 *   maskImage: "head.png",
 *   strength: 1,
 *   negativePrompt: " ",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  fromEditMask,
  type QwenImageEditComponents,
  qwenImageEditComponents,
  qwenImageEditImages,
  qwenImageEditInpainting,
  type QwenImageOptions,
  qwenImageOptions,
} from "@denoise/qwen-image";

/** Options of a call. */
export interface QwenImageEditInpaintOptions
  extends
    Omit<QwenImageOptions, "maxSequenceLength">,
    Pick<MaskStartOptions, "image" | "maskImage" | "strength"> {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageEditInpaintArguments = [
  prompt: Prompt | undefined,
  options: QwenImageEditInpaintOptions,
];

/** A loaded QwenImageEditInpaintPipeline. */
export type QwenImageEditInpaintPipeline = Pipeline<
  QwenImageEditComponents,
  QwenImageEditInpaintArguments,
  ImageOutput
>;

const { maskImage, strength } = maskStartOptions;
const { maxSequenceLength: _length, ...textOptions } = qwenImageOptions;

/** Image, mask and text to images with Qwen-Image-Edit; `QwenImageEditInpaintPipeline` of diffusers. */
export const QwenImageEditInpaintPipeline: PipelineClass<
  QwenImageEditComponents,
  QwenImageEditInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "QwenImageEditInpaintPipeline",
  task: "inpainting",
  family: qwenImageEditInpainting,
  start: fromEditMask,
  ...qwenImageEditComponents,
  options: { ...textOptions, ...qwenImageEditImages(1), maskImage, strength },
  defaults: { numInferenceSteps: 50, strength: 0.6, trueCfgScale: 4 },
});
