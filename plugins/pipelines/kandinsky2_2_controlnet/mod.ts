/**
 * KandinskyV22ControlnetPipeline: the decoder of Kandinsky 2.2 that is controlled by an image such as a depth
 * map, too. Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22ControlnetPipeline } from "@denoise/denoise";
 *
 * const pipe = await KandinskyV22ControlnetPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-controlnet-depth",
 * );
 * const { images } = await pipe({ imageEmbeds, negativeImageEmbeds, hint });
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
export interface KandinskyV22ControlnetOptions extends KandinskyDecoderOptions {
  /** The images to control by, float32 [N, 3, height, width] in 0..1, one for each vector or one for all. */
  readonly hint: Tensor | readonly Tensor[];
}

/** A loaded KandinskyV22ControlnetPipeline. */
export type KandinskyV22ControlnetPipeline = Pipeline<
  KandinskyDecoderComponents,
  [options: KandinskyV22ControlnetOptions],
  ImageOutput
>;

/** Vectors and hints to images; `KandinskyV22ControlnetPipeline` of diffusers. */
export const KandinskyV22ControlnetPipeline: PipelineClass<
  KandinskyDecoderComponents,
  [options: KandinskyV22ControlnetOptions],
  ImageOutput
> = definePipeline({
  className: "KandinskyV22ControlnetPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-2-controlnet",
  components: kandinskyDecoder,
  options: {
    ...kandinskyDecoderOptions,
    hint: { type: "tensor", list: "allowed", required: true },
  },
  defaults: kandinskyDecoderDefaults,
  generate: (run, options) => decodeEmbeds(run, options, beginWithNoise, { hint: options.hint }),
});
