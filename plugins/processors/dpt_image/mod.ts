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
  adoptConfig,
  type Bindable,
  type ComponentLocation,
  type ConfigSchema,
  describeConfig,
  either,
  type FrozenConfig,
  type ImageCodec,
  type ImageInput,
  joinPath,
  type LoadOptions,
  locateComponent,
  number,
  oneOf,
  type PluginClass,
  readConfig,
  record,
  Registry,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import type { FeatureExtractor } from "@denoise/roles";

const CLASS_NAME = "DPTImageProcessor";
const FILE = "preprocessor_config.json";
const FILTERS = ["nearest", "lanczos", "bilinear", "bicubic"] as const;

/** Height and width. */
export interface Sides {
  /** Pixels from top to bottom. */
  readonly height: number;
  /** Pixels from left to right. */
  readonly width: number;
}

/** Options of a DPTImageProcessor, as they stand in preprocessor_config.json. */
export interface DPTImageConfig {
  /** Whether images are resized. */
  readonly do_resize: boolean;
  /** Height and width after resizing; a number is both. */
  readonly size: number | Sides;
  /** Whether an image keeps its shape, with the side resized that changes less. */
  readonly keep_aspect_ratio: boolean;
  /** What the sides are multiples of. */
  readonly ensure_multiple_of: number;
  /** Pillow's number of the resampling filter: 0 nearest, 1 LANCZOS, 2 bilinear, 3 bicubic. */
  readonly resample: 0 | 1 | 2 | 3;
  /** Whether bytes are multiplied by `rescale_factor`. */
  readonly do_rescale: boolean;
  /** Brings bytes to 0..1. */
  readonly rescale_factor: number;
  /** Whether channels are normalised by `image_mean` and `image_std`. */
  readonly do_normalize: boolean;
  /** Taken from red, green and blue. */
  readonly image_mean: readonly number[];
  /** Divides red, green and blue. */
  readonly image_std: readonly number[];
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
export interface DPTImageProcessor extends FeatureExtractor {
  /** The options; writing to it throws. */
  readonly config: FrozenConfig<DPTImageConfig>;
}

/** The class of DPTImageProcessor. */
export interface DPTImageProcessorClass
  extends PluginClass<DPTImageProcessor>, Bindable<DPTImageProcessorClass> {
  /** Tells the classes of processors from those of other plugins. */
  readonly kind: "processor";
  /** Makes one from options; the rest have their defaults. The codec decodes and resizes. */
  create(codec: ImageCodec, options?: Partial<DPTImageConfig>): DPTImageProcessor;
  /** Loads preprocessor_config.json from a folder or repo. */
  fromPretrained(
    id: string | URL,
    options?: LoadOptions & { readonly subfolder?: string },
  ): Promise<DPTImageProcessor>;
}

/** Images for depth estimators; `DPTImageProcessor` of transformers. */
export const DPTImageProcessor: DPTImageProcessorClass = processorClass(undefined);

function processorClass(bound: Registry | undefined): DPTImageProcessorClass {
  return {
    kind: "processor",
    className: CLASS_NAME,
    aliases: ["DPTFeatureExtractor", "DPTImageProcessorFast", "DPTImageProcessorPil"],
    using: processorClass,
    create: (codec, options = {}) => processor(codec, adoptConfig(CLASS_NAME, schema, {}, options)),
    async fromPretrained(id, options = {}) {
      const location = await locateComponent(id, options, bound, false);
      return await load(location, options.registry ?? bound);
    },
    load: (location, options) => load(location, options.registry ?? bound),
  };
}

async function load(
  { path }: ComponentLocation,
  registry: Registry = new Registry(),
): Promise<DPTImageProcessor> {
  const config = await readConfig(joinPath(path, FILE));
  return processor(await registry.images(), adoptConfig(CLASS_NAME, schema, config));
}

function processor(codec: ImageCodec, config: FrozenConfig<DPTImageConfig>): DPTImageProcessor {
  return {
    className: CLASS_NAME,
    library: "transformers",
    config,
    async preprocess(images) {
      return Tensor.cat(await Promise.all(images.map((item) => prepare(codec, config, item))));
    },
    async savePretrained(folder) {
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(joinPath(folder, FILE), describeConfig(CLASS_NAME, config));
    },
  };
}

/** One image: resized and normalised. */
async function prepare(
  codec: ImageCodec,
  config: FrozenConfig<DPTImageConfig>,
  image: ImageInput,
): Promise<Tensor> {
  const whole = await codec.toTensor(image, { mode: "RGB" });
  const [height, width] = whole.dims.slice(2) as [number, number];
  const resample = FILTERS[config.resample];
  const resized = config.do_resize
    ? await codec.toTensor(image, { ...resizedTo(config, height, width), resample, mode: "RGB" })
    : whole;
  const bytes = resized.mul(255).round();
  const scaled = config.do_rescale ? bytes.mul(config.rescale_factor) : bytes;
  if (!config.do_normalize) return scaled;
  const row = (values: readonly number[]) => Tensor.from(Float32Array.from(values), [1, 3, 1, 1]);
  return scaled.sub(row(config.image_mean)).div(row(config.image_std));
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
      `Cannot resize images: "size" of ${FILE} must have height and width, but is ` +
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
