/**
 * ZImageInpaintPipeline: a part of an image inpainted as a text says, with Z-Image and Z-Image-Turbo (Z-Image
 * Team, 2025, arXiv:2511.22699). The result is as large as the image, whose sides are cut to multiples of 16, where
 * the call names no size.
 *
 * @example
 * ```ts ignore
 * import { ZImageInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await ZImageInpaintPipeline.fromPretrained("Tongyi-MAI/Z-Image-Turbo");
 * const { images } = await pipe("a tabby cat on a bench", {
 *   image: "bench.png",
 *   maskImage: "mask.png",
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
  fromMaskWith,
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  oneTextEncoder,
  type Prompt,
} from "@denoise/diffusion";
import {
  zImage,
  zImageBlocks,
  type ZImageComponents,
  type ZImageOptions,
  zImageOptions,
} from "@denoise/z-image";

/** Options of a call. */
export interface ZImageInpaintOptions
  extends
    ZImageOptions,
    Pick<MaskStartOptions, "image" | "maskImage" | "strength" | "height" | "width" | "latents"> {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ZImageInpaintArguments = [prompt: Prompt | undefined, options: ZImageInpaintOptions];

/** A loaded ZImageInpaintPipeline. */
export type ZImageInpaintPipeline = Pipeline<ZImageComponents, ZImageInpaintArguments, ImageOutput>;

const { image, maskImage, strength, height, width, latents } = maskStartOptions;

/** Inpainting with Z-Image; `ZImageInpaintPipeline` of diffusers. */
export const ZImageInpaintPipeline: PipelineClass<
  ZImageComponents,
  ZImageInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "ZImageInpaintPipeline",
  task: "inpainting",
  family: zImage,
  start: fromMaskWith({ seesMask: () => false, beginsWithImage: true, drawsBesideLatents: true }),
  ...oneTextEncoder,
  options: { ...zImageOptions, image, maskImage, strength, height, width, latents },
  defaults: { numInferenceSteps: 50, strength: 1, guidanceScale: 5 },
  blocks: zImageBlocks,
});
