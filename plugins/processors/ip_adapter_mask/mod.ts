/**
 * IPAdapterMaskProcessor: images in black and white that say where the images of IP-Adapters count. The class of
 * diffusers.
 *
 * @example Two images, each in its half
 * ```ts ignore
 * import { DiffusionPipeline, IPAdapterMaskProcessor } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * await pipe.loadIpAdapter("./IP-Adapter", { subfolder: "models", weightName: "ip-adapter_sd15.safetensors" });
 * const masks = await IPAdapterMaskProcessor.create().preprocess(["left.png", "right.png"], {
 *   height: 512,
 *   width: 512,
 * });
 * await pipe("two cats", {
 *   ipAdapterImage: [["siamese.png", "persian.png"]],
 *   crossAttentionKwargs: { ipAdapterMasks: [masks.reshape([1, 2, 512, 512])] },
 * });
 * ```
 *
 * @module
 */
import { type ConfigSchema, type ImageInput, oneOf, Tensor } from "@denoise/core";
import { defineProcessor, type Processor, type ProcessorClass } from "@denoise/processors";

/** Options of an IPAdapterMaskProcessor. */
export interface IPAdapterMaskConfig {
  /** Whether masks are brought to whole multiples of the factor, and to the size of a call. */
  readonly do_resize: boolean;
  /** What sides are multiples of. */
  readonly vae_scale_factor: number;
  /** Pillow's filter for that. */
  readonly resample: "lanczos" | "bilinear" | "bicubic" | "nearest";
  /** Whether values are brought to -1..1. */
  readonly do_normalize: boolean;
  /** Whether values become 0 below a half, else 1. */
  readonly do_binarize: boolean;
  /** Whether colours become grey; masks are of one channel. */
  readonly do_convert_grayscale: boolean;
}

const schema: ConfigSchema<IPAdapterMaskConfig> = {
  do_resize: true,
  vae_scale_factor: 8,
  resample: oneOf("lanczos", "bilinear", "bicubic", "nearest"),
  do_normalize: false,
  do_binarize: true,
  do_convert_grayscale: true,
};

/** The size of masks, in pixels; that of the first image by default. */
export interface MaskSize {
  /** Rows. */
  readonly height?: number | undefined;
  /** Columns. */
  readonly width?: number | undefined;
}

/** A loaded IPAdapterMaskProcessor. */
export interface IPAdapterMaskProcessor extends Processor<IPAdapterMaskConfig> {
  /**
   * Images to masks.
   *
   * @returns float32 [images, 1, H, W].
   * @throws {TypeError} for no image, and for images of several sizes that are not resized.
   */
  preprocess(images: ImageInput | readonly ImageInput[], size?: MaskSize): Promise<Tensor>;
}

/** Images in black and white to masks of IP-Adapters; `IPAdapterMaskProcessor` of diffusers. */
export const IPAdapterMaskProcessor: ProcessorClass<IPAdapterMaskConfig, IPAdapterMaskProcessor> =
  defineProcessor<IPAdapterMaskConfig, IPAdapterMaskProcessor>({
    className: "IPAdapterMaskProcessor",
    library: "diffusers",
    schema,
    methods: (config, registry) => ({
      async preprocess(images, size = {}) {
        const list = [images].flat() as readonly ImageInput[];
        if (list.length === 0) {
          throw new TypeError("Cannot make masks of no images: give at least one");
        }
        if (!config.do_convert_grayscale) {
          throw new TypeError("Cannot make masks of colours: do_convert_grayscale must be true");
        }
        const codec = await registry.images();
        const whole = await codec.toTensor(list[0]!, { mode: "L" });
        const [height, width] = [size.height ?? whole.dims[2]!, size.width ?? whole.dims[3]!]
          .map((side) => side - side % config.vae_scale_factor) as [number, number];
        const resized = config.do_resize ? { height, width, resample: config.resample } : {};
        const masks = await Promise.all(
          list.map((image) => codec.toTensor(image, { mode: "L", ...resized })),
        );
        if (masks.some(({ dims }) => String(dims) !== String(masks[0]!.dims))) {
          throw new TypeError(
            "Cannot make masks of images of several sizes: do_resize must be true",
          );
        }
        const values = Tensor.cat(masks);
        const scaled = config.do_normalize ? values.mul(2).sub(1) : values;
        return config.do_binarize ? scaled.map((value) => value < 0.5 ? 0 : 1) : scaled;
      },
    }),
  });
