/**
 * ZImageImg2ImgPipeline: an image changed as a text says, with Z-Image and Z-Image-Turbo (Z-Image Team,
 * 2025, arXiv:2511.22699). The result is as large as the image, whose sides are cut to multiples of 16, where the
 * call names no size.
 *
 * @example
 * ```ts ignore
 * import { ZImageImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await ZImageImg2ImgPipeline.fromPretrained("Tongyi-MAI/Z-Image-Turbo");
 * const { images } = await pipe("a watercolour", {
 *   image: "photo.png",
 *   strength: 0.6,
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
  fromResizedImage,
  latentPipeline,
  oneTextEncoder,
  type Prompt,
  type ResizedImageStartOptions,
  resizedImageStartOptions,
} from "@denoise/diffusion";
import {
  zImage,
  zImageBlocks,
  type ZImageComponents,
  type ZImageOptions,
  zImageOptions,
} from "@denoise/z-image";

/** Options of a call. */
export interface ZImageImg2ImgOptions extends ZImageOptions, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ZImageImg2ImgArguments = [prompt: Prompt | undefined, options: ZImageImg2ImgOptions];

/** A loaded ZImageImg2ImgPipeline. */
export type ZImageImg2ImgPipeline = Pipeline<ZImageComponents, ZImageImg2ImgArguments, ImageOutput>;

/** Image and text to images with Z-Image; `ZImageImg2ImgPipeline` of diffusers. */
export const ZImageImg2ImgPipeline: PipelineClass<
  ZImageComponents,
  ZImageImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "ZImageImg2ImgPipeline",
  task: "image-to-image",
  family: zImage,
  start: fromResizedImage,
  ...oneTextEncoder,
  options: { ...zImageOptions, ...resizedImageStartOptions },
  defaults: { numInferenceSteps: 50, strength: 0.6, guidanceScale: 5 },
  blocks: zImageBlocks,
});
