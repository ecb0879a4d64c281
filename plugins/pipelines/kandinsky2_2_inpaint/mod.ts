/**
 * KandinskyV22InpaintPipeline: the decoder of Kandinsky 2.2 that inpaints what a mask covers of an image as
 * the vectors of a prior say.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22InpaintPipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22InpaintPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder-inpaint",
 * );
 * const embeds = await prior("a hat");
 * const { images } = await pipe({ ...embeds, image: "cat.png", maskImage: "mask.png" });
 * await images[0].save("cat_with_hat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  beginWithMask,
  decodeEmbeds,
  kandinskyDecoder,
  type KandinskyDecoderComponents,
  kandinskyDecoderDefaults,
  type KandinskyMaskOptions,
  kandinskyMaskOptions,
} from "@denoise/kandinsky2";

export type { KandinskyDecoderComponents };

/** Options of a call. */
export interface KandinskyV22InpaintOptions extends KandinskyMaskOptions {}

/** A loaded KandinskyV22InpaintPipeline. */
export type KandinskyV22InpaintPipeline = Pipeline<
  KandinskyDecoderComponents,
  [options: KandinskyV22InpaintOptions],
  ImageOutput
>;

/** Vectors, an image and a mask to images; `KandinskyV22InpaintPipeline` of diffusers. */
export const KandinskyV22InpaintPipeline: PipelineClass<
  KandinskyDecoderComponents,
  [options: KandinskyV22InpaintOptions],
  ImageOutput
> = definePipeline({
  className: "KandinskyV22InpaintPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-2-inpaint",
  components: kandinskyDecoder,
  options: { ...kandinskyMaskOptions },
  defaults: kandinskyDecoderDefaults,
  generate: (run, options) => decodeEmbeds(run, options, beginWithMask),
});
