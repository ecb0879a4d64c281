/**
 * SiglipImageProcessor: images as SigLIP's vision models take them, brought to a size whatever their
 * shape (bicubic, as Pillow does it), colours normalised. The class of transformers, on Pillow.
 *
 * @example
 * ```ts ignore
 * import { SiglipImageProcessor } from "@denoise/denoise";
 *
 * const processor = await SiglipImageProcessor.fromPretrained(
 *   "black-forest-labs/FLUX.1-Redux-dev",
 *   { subfolder: "feature_extractor" },
 * );
 * const pixels = await processor.preprocess(["cat.png"]); // float32 [1, 3, 384, 384]
 * ```
 *
 * @module
 */
import {
  boolean,
  type ConfigSchema,
  type FrozenConfig,
  type ImageCodec,
  type ImageInput,
  maybe,
  oneOf,
  record,
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

/** Options of a SiglipImageProcessor, as they stand in preprocessor_config.json. */
export interface SiglipImageConfig extends PixelConfig {
  /** Whether images are resized. */
  readonly do_resize: boolean;
  /** What they are resized to. */
  readonly size: { readonly height: number; readonly width: number };
  /** Whether images are brought to three channels, which they always are. */
  readonly do_convert_rgb: boolean | null;
}

const schema: ConfigSchema<SiglipImageConfig> = {
  do_resize: true,
  size: record<{ readonly height: number; readonly width: number }>({ height: 224, width: 224 }),
  resample: oneOf(3, 0, 1, 2),
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  do_convert_rgb: maybe(boolean, true),
};

/** A loaded SiglipImageProcessor: `preprocess(images)` gives what a vision model takes. */
export interface SiglipImageProcessor extends Processor<SiglipImageConfig>, FeatureExtractor {}

/** Images for SigLIP's vision models; `SiglipImageProcessor` of transformers. */
export const SiglipImageProcessor: ProcessorClass<SiglipImageConfig, SiglipImageProcessor> =
  defineProcessor({
    className: "SiglipImageProcessor",
    aliases: ["SiglipImageProcessorFast", "SiglipImageProcessorPil"],
    schema,
    methods: (config, registry) => ({
      async preprocess(images: readonly ImageInput[]) {
        const codec = await registry.images();
        return Tensor.cat(await Promise.all(images.map((image) => prepare(codec, config, image))));
      },
    }),
  });

async function prepare(
  codec: ImageCodec,
  config: FrozenConfig<SiglipImageConfig>,
  image: ImageInput,
): Promise<Tensor> {
  const { height, width } = config.size;
  const size = { height, width, resample: pillowFilters[config.resample] };
  const opaque = await onWhite(codec, image);
  const pixels = await codec.toTensor(opaque, {
    mode: "RGB",
    ...(config.do_resize ? size : {}),
  });
  return scalePixels(pixels, config);
}
