/**
 * CLIPImageProcessor: images as CLIP's vision models take them. Resized with the shorter side to
 * 224 (bicubic, as Pillow does it), the middle cut out, colours normalised. The class of
 * transformers, on Pillow.
 *
 * @example
 * ```ts ignore
 * import { CLIPImageProcessor } from "@denoise/denoise";
 *
 * const processor = await CLIPImageProcessor.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { subfolder: "feature_extractor" },
 * );
 * const pixels = await processor.preprocess(["cat.png"]); // float32 [1, 3, 224, 224]
 * ```
 *
 * @module
 */
import {
  type FrozenConfig,
  type ImageCodec,
  type ImageInput,
  type Registry,
  Tensor,
} from "@denoise/core";
import {
  defineProcessor,
  onWhite,
  pillowFilters,
  type PixelConfig,
  type Processor,
  type ProcessorClass,
  scalePixels,
} from "@denoise/processors";
import type { FeatureExtractor } from "@denoise/roles";
import {
  type CLIPImageConfig,
  croppedTo,
  resizedTo,
  schema,
  type SideOption,
  type SizeOption,
} from "./config.ts";

export type { CLIPImageConfig, PixelConfig, SideOption, SizeOption };

/** A loaded CLIPImageProcessor: `preprocess(images)` gives what a vision model takes. */
export interface CLIPImageProcessor extends Processor<CLIPImageConfig>, FeatureExtractor {}

/** Images for CLIP's vision models; `CLIPImageProcessor` of transformers. */
export const CLIPImageProcessor: ProcessorClass<CLIPImageConfig, CLIPImageProcessor> =
  defineProcessor({
    className: "CLIPImageProcessor",
    aliases: ["CLIPFeatureExtractor", "CLIPImageProcessorFast", "CLIPImageProcessorPil"],
    schema,
    methods,
  });

/** A loaded CLIPProcessor: `preprocess(images)` gives what a vision model takes. */
export type CLIPProcessor = CLIPImageProcessor;

/**
 * The part of transformers' `CLIPProcessor` that prepares images, with which GLIGEN does. The files that say how
 * texts are read are kept: `savePretrained` writes them too.
 *
 * @example
 * ```ts ignore
 * import { CLIPProcessor } from "@denoise/denoise";
 *
 * const processor = await CLIPProcessor.fromPretrained("anhnct/Gligen_Text_Image", {
 *   subfolder: "processor",
 * });
 * const pixels = await processor.preprocess(["flower.png"]); // float32 [1, 3, 224, 224]
 * ```
 */
export const CLIPProcessor: ProcessorClass<CLIPImageConfig, CLIPProcessor> = defineProcessor({
  className: "CLIPProcessor",
  keeps: [
    ...["processor_config.json", "preprocessor_config.json", "tokenizer_config.json"],
    ...["tokenizer.json", "vocab.json", "merges.txt", "special_tokens_map.json"],
    ...["added_tokens.json", "chat_template.jinja", "chat_template.json"],
  ],
  schema,
  methods,
});

function methods(config: FrozenConfig<CLIPImageConfig>, registry: Registry) {
  return {
    async preprocess(images: readonly ImageInput[]) {
      const codec = await registry.images();
      return Tensor.cat(await Promise.all(images.map((item) => prepare(codec, config, item))));
    },
  };
}

/** One image: resized, cropped, normalised. */
async function prepare(
  codec: ImageCodec,
  config: FrozenConfig<CLIPImageConfig>,
  image: ImageInput,
): Promise<Tensor> {
  const seen = await onWhite(codec, image);
  const whole = await codec.toTensor(seen, { mode: "RGB" });
  const [height, width] = whole.dims.slice(2) as [number, number];
  const resized = config.do_resize
    ? await codec.toTensor(seen, {
      ...resizedTo(config, { height, width }),
      resample: pillowFilters[config.resample],
      mode: "RGB",
    })
    : whole;
  const cropped = config.do_center_crop ? centre(resized, croppedTo(config)) : resized;
  return scalePixels(cropped, config);
}

/** The middle of an image, with zeros around it where it is smaller. */
function centre(image: Tensor, to: { readonly height: number; readonly width: number }): Tensor {
  return [[2, to.height], [3, to.width]].reduce((tensor, [axis, size]) => {
    const have = tensor.dims[axis!]!;
    if (have >= size!) {
      const start = Math.floor((have - size!) / 2);
      return tensor.slice(axis!, start, start + size!);
    }
    const before = Math.ceil((size! - have) / 2);
    const pad = (count: number) =>
      Tensor.zeros(tensor.dims.map((dim, i) => i === axis ? count : dim));
    return Tensor.cat([pad(before), tensor, pad(size! - have - before)], axis!);
  }, image);
}
