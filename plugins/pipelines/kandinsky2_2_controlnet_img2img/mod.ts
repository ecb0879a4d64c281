/**
 * KandinskyV22ControlnetImg2ImgPipeline: the decoder of Kandinsky 2.2 that changes an image as the vectors of a
 * prior say, and is controlled by an image such as a depth map, too.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22ControlnetImg2ImgPipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22ControlnetImg2ImgPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-controlnet-depth",
 * );
 * const embeds = await prior("a robot, 4k photo");
 * const { images } = await pipe({ ...embeds, hint, image: "cat.png", strength: 0.5 });
 * await images[0].save("robot.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type Tensor,
} from "@denoise/core";
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
export interface KandinskyV22ControlnetImg2ImgOptions extends KandinskyImageOptions {
  /** The images to control by, float32 [N, 3, height, width] in 0..1, one for each vector or one for all. */
  readonly hint: Tensor | readonly Tensor[];
}

/** A loaded KandinskyV22ControlnetImg2ImgPipeline. */
export type KandinskyV22ControlnetImg2ImgPipeline = Pipeline<
  KandinskyDecoderComponents,
  [options: KandinskyV22ControlnetImg2ImgOptions],
  ImageOutput
>;

/** Vectors, hints and an image to images; `KandinskyV22ControlnetImg2ImgPipeline` of diffusers. */
export const KandinskyV22ControlnetImg2ImgPipeline: PipelineClass<
  KandinskyDecoderComponents,
  [options: KandinskyV22ControlnetImg2ImgOptions],
  ImageOutput
> = definePipeline({
  className: "KandinskyV22ControlnetImg2ImgPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-2-controlnet-img2img",
  components: kandinskyDecoder,
  options: { ...kandinskyImageOptions, hint: { type: "tensor", list: "allowed", required: true } },
  defaults: kandinskyImageDefaults,
  generate: (run, options) => decodeEmbeds(run, options, beginWithImage, { hint: options.hint }),
});
