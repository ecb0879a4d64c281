/**
 * DPTImageProcessor: images as depth estimators take them, resized to 384x384 (bicubic, as Pillow
 * does it) and normalised. The class of transformers, on Pillow.
 *
 * Not covered: `do_pad`.
 *
 * @example
 * ```ts ignore
 * import { DPTImageProcessor } from "@denoise/denoise";
 *
 * const processor = await DPTImageProcessor.fromPretrained("./dpt-hybrid-midas");
 * const pixels = await processor.preprocess(["cats.png"]); // float32 [1, 3, 384, 384]
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  either,
  type FrozenConfig,
  type ImageCodec,
  type ImageInput,
  number,
  oneOf,
  record,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import {
  defineProcessor,
  pillowFilters,
  type PixelConfig,
  type Processor,
  type ProcessorClass,
  scalePixels,
} from "@denoise/processors";
import type { FeatureExtractor } from "@denoise/roles";

export type { PixelConfig };

/** Height and width. */
export interface Sides {
  /** Pixels from top to bottom. */
  readonly height: number;
  /** Pixels from left to right. */
  readonly width: number;
}

/** Options of a DPTImageProcessor, as they stand in preprocessor_config.json. */
export interface DPTImageConfig extends PixelConfig {
  /** Whether images are resized. */
  readonly do_resize: boolean;
  /** Height and width after resizing; a number is both. */
  readonly size: number | Sides;
  /** Whether an image keeps its shape, with the side resized that changes less. */
  readonly keep_aspect_ratio: boolean;
  /** What the sides are multiples of. */
  readonly ensure_multiple_of: number;
  /** Whether images are padded; must be false. */
  readonly do_pad: false;
}

const schema: ConfigSchema<DPTImageConfig> = {
  do_resize: true,
  size: either(number, record<Sides>)({ height: 384, width: 384 }),
  keep_aspect_ratio: false,
  ensure_multiple_of: 1,
  resample: oneOf(3, 0, 1, 2),
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  do_pad: oneOf(false),
};

/** A loaded DPTImageProcessor: `preprocess(images)` gives what a depth estimator takes. */
export interface DPTImageProcessor extends Processor<DPTImageConfig>, FeatureExtractor {}

/** Images for depth estimators; `DPTImageProcessor` of transformers. */
export const DPTImageProcessor: ProcessorClass<DPTImageConfig, DPTImageProcessor> = defineProcessor(
  {
    className: "DPTImageProcessor",
    aliases: ["DPTFeatureExtractor", "DPTImageProcessorFast", "DPTImageProcessorPil"],
    schema,
    methods: (config, registry) => ({
      async preprocess(images: readonly ImageInput[]) {
        const codec = await registry.images();
        return Tensor.cat(await Promise.all(images.map((item) => prepare(codec, config, item))));
      },
    }),
  },
);

/** One image: resized and normalised. */
async function prepare(
  codec: ImageCodec,
  config: FrozenConfig<DPTImageConfig>,
  image: ImageInput,
): Promise<Tensor> {
  const whole = await codec.toTensor(image, { mode: "RGB" });
  const [height, width] = whole.dims.slice(2) as [number, number];
  const resample = pillowFilters[config.resample];
  const resized = config.do_resize
    ? await codec.toTensor(image, { ...resizedTo(config, height, width), resample, mode: "RGB" })
    : whole;
  return scalePixels(resized, config);
}

/** Height and width that an image is resized to. */
function resizedTo(
  { size, keep_aspect_ratio, ensure_multiple_of: multiple }: FrozenConfig<DPTImageConfig>,
  height: number,
  width: number,
): { readonly height: number; readonly width: number } {
  const wanted = typeof size === "number" ? { height: size, width: size } : size;
  if (!(wanted.height > 0 && wanted.width > 0)) {
    throw new TypeError(
      `Cannot resize images: "size" of preprocessor_config.json must have height and width, but is ` +
        JSON.stringify(size),
    );
  }
  let [down, across] = [wanted.height / height, wanted.width / width];
  if (keep_aspect_ratio) {
    if (Math.abs(1 - across) < Math.abs(1 - down)) down = across;
    else across = down;
  }
  const fit = (value: number) => Math.max(multiple, roundHalfEven(value / multiple) * multiple);
  return { height: fit(down * height), width: fit(across * width) };
}
