/**
 * KandinskyV22Pipeline: the decoder of Kandinsky 2.2, which makes images of the vectors that a prior has made of
 * a text, or CLIP of an image. Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22Pipeline } from "@denoise/denoise";
 *
 * const pipe = await KandinskyV22Pipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder",
 * );
 * const { images } = await pipe({ imageEmbeds, negativeImageEmbeds, height: 768, width: 768 });
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  beginWithNoise,
  decodeEmbeds,
  kandinskyDecoder,
  type KandinskyDecoderComponents,
  kandinskyDecoderDefaults,
  type KandinskyDecoderOptions,
  kandinskyDecoderOptions,
} from "@denoise/kandinsky2";

export type { KandinskyDecoderComponents };

/** Options of a call. */
export interface KandinskyV22Options extends KandinskyDecoderOptions {}

/** A loaded KandinskyV22Pipeline. */
export type KandinskyV22Pipeline = Pipeline<
  KandinskyDecoderComponents,
  [options: KandinskyV22Options],
  ImageOutput
>;

/** Vectors to images; `KandinskyV22Pipeline` of diffusers. */
export const KandinskyV22Pipeline: PipelineClass<
  KandinskyDecoderComponents,
  [options: KandinskyV22Options],
  ImageOutput
> = definePipeline({
  className: "KandinskyV22Pipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-2",
  components: kandinskyDecoder,
  options: { ...kandinskyDecoderOptions },
  defaults: kandinskyDecoderDefaults,
  generate: (run, options) => decodeEmbeds(run, options, beginWithNoise),
});
