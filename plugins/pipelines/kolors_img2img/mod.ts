/**
 * KolorsImg2ImgPipeline: an image changed towards a text in Chinese or English with Kolors (SDEdit, arXiv:2108.01073).
 *
 * @example
 * ```ts ignore
 * import { KolorsImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await KolorsImg2ImgPipeline.fromPretrained("Kwai-Kolors/Kolors-diffusers");
 * const { images } = await pipe("一座灯塔，水彩画", { image: "lighthouse.png", strength: 0.6 });
 * await images[0].save("watercolour.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass, Tensor } from "@denoise/core";
import {
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
  type Prompt,
  type SizeOptions,
  sizeOptions,
} from "@denoise/diffusion";
import {
  kolors,
  type KolorsBaseOptions,
  kolorsBaseOptions,
  type KolorsComponents,
  kolorsParts,
} from "@denoise/kolors";

/**
 * Options of a call. The image keeps its size: `height` and `width`, by default those that the UNet was trained for, are what the
 * UNet is told as `originalSize` and `targetSize` where these are not given, as in diffusers.
 */
export interface KolorsImg2ImgOptions
  extends
    KolorsBaseOptions,
    ImageStartOptions,
    SizeOptions,
    Pick<DenoisingRangeOptions, "denoisingStart"> {
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type KolorsImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: KolorsImg2ImgOptions,
];

/** A loaded KolorsImg2ImgPipeline. */
export type KolorsImg2ImgPipeline = Pipeline<KolorsComponents, KolorsImg2ImgArguments, ImageOutput>;

/** Image and text to images; `KolorsImg2ImgPipeline` of diffusers. */
export const KolorsImg2ImgPipeline: PipelineClass<
  KolorsComponents,
  KolorsImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "KolorsImg2ImgPipeline",
  task: "image-to-image",
  family: kolors,
  start: fromImage,
  ...kolorsParts,
  options: {
    ...kolorsBaseOptions,
    ...imageStartOptions,
    ...sizeOptions,
    ...{ denoisingStart: denoisingRangeOptions.denoisingStart, latents: { type: "tensor" } },
  },
  defaults: { numInferenceSteps: 50, strength: 0.3, guidanceScale: 5, maxSequenceLength: 256 },
});
