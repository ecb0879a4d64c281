/**
 * KandinskyV22Img2ImgPipeline: the decoder of Kandinsky 2.2 that changes an image as the vectors of a prior say.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22Img2ImgPipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22Img2ImgPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder",
 * );
 * const embeds = await prior("a red cartoon frog, 4k");
 * const { images } = await pipe({ ...embeds, image: "frog.png", strength: 0.4 });
 * await images[0].save("red_frog.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  beginWithImage,
  decodeEmbeds,
  kandinskyDecoder,
  type KandinskyDecoderComponents,
  kandinskyImageDefaults,
  type KandinskyImageOptions,
  kandinskyImageOptions,
} from "@denoise/kandinsky2";

export type { KandinskyDecoderComponents };

/** Options of a call. */
export interface KandinskyV22Img2ImgOptions extends KandinskyImageOptions {}

/** A loaded KandinskyV22Img2ImgPipeline. */
export type KandinskyV22Img2ImgPipeline = Pipeline<
  KandinskyDecoderComponents,
  [options: KandinskyV22Img2ImgOptions],
  ImageOutput
>;

/** Vectors and an image to images; `KandinskyV22Img2ImgPipeline` of diffusers. */
export const KandinskyV22Img2ImgPipeline: PipelineClass<
  KandinskyDecoderComponents,
  [options: KandinskyV22Img2ImgOptions],
  ImageOutput
> = definePipeline({
  className: "KandinskyV22Img2ImgPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-2-img2img",
  components: kandinskyDecoder,
  options: { ...kandinskyImageOptions },
  defaults: kandinskyImageDefaults,
  generate: (run, options) => decodeEmbeds(run, options, beginWithImage),
});
