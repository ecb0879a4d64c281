import {
  type ConfigSchema,
  type FrozenConfig,
  type ImageCodec,
  type ImageInput,
  maybe,
  number,
  oneOf,
  record,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import { pillowFilters, type PixelConfig, scalePixels } from "./pixels.ts";

/** How many pixels an image may have. */
export interface PixelRange {
  /** The least. */
  readonly shortest_edge?: number;
  /** The most. */
  readonly longest_edge?: number;
}

/** How images become patches, by the names of preprocessor_config.json. */
export interface PatchConfig extends PixelConfig {
  /** Whether images are resized. */
  readonly do_resize: boolean;
  /** How many pixels an image may have, where `min_pixels` and `max_pixels` do not say it. */
  readonly size: PixelRange;
  /** The fewest pixels of an image. */
  readonly min_pixels: number | null;
  /** The most pixels of an image. */
  readonly max_pixels: number | null;
  /** Pixels of a patch's side. */
  readonly patch_size: number;
  /** Frames of a patch; an image is repeated. */
  readonly temporal_patch_size: number;
  /** Patches of a side that become one token. */
  readonly merge_size: number;
}

/** These options, with the defaults of transformers' `Qwen2VLImageProcessor`. */
export const patchOptions: ConfigSchema<PatchConfig> = {
  do_resize: true,
  size: record<PixelRange>({ shortest_edge: 56 * 56, longest_edge: 28 * 28 * 1280 }),
  min_pixels: maybe(number),
  max_pixels: maybe(number),
  resample: oneOf(3, 0, 1, 2),
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  patch_size: 14,
  temporal_patch_size: 2,
  merge_size: 2,
};

/** Images in patches. */
export interface ImagePatches {
  /** Patches of all images one after the other, float32 [patches, 3·2·patch²]. */
  readonly pixelValues: Tensor;
  /** Frames, rows and columns of patches of each image. */
  readonly imageGridThw: readonly (readonly [frames: number, rows: number, columns: number])[];
}

/**
 * Images in patches, as Qwen2-VL and those after it take them: resized to sides of whole tokens (bicubic, as
 * Pillow does it), colours normalised, in patches of which those of a token come one after the other
 * (`Qwen2VLImageProcessor`).
 *
 * @throws {RangeError} for an image more than 200 times as long as wide.
 */
export async function imagePatches(
  codec: ImageCodec,
  config: FrozenConfig<PatchConfig>,
  images: readonly ImageInput[],
): Promise<ImagePatches> {
  const all = await Promise.all(images.map((image) => pixelsOf(codec, config, image)));
  return {
    pixelValues: Tensor.cat(all.map((pixels) => patchesOf(pixels, config)), 0),
    imageGridThw: all.map(({ dims }) =>
      [1, dims[2]! / config.patch_size, dims[3]! / config.patch_size] as const
    ),
  };
}

/** An image, resized and normalised, float32 [1, 3, H, W]. */
async function pixelsOf(
  codec: ImageCodec,
  config: FrozenConfig<PatchConfig>,
  image: ImageInput,
): Promise<Tensor> {
  const whole = await codec.toTensor(image, { mode: "RGB" });
  const [height, width] = whole.dims.slice(2) as [number, number];
  const resized = config.do_resize
    ? await codec.toTensor(image, {
      ...resizedTo(config, height, width),
      resample: pillowFilters[config.resample],
      mode: "RGB",
    })
    : whole;
  return scalePixels(resized, config);
}

/** Sides of whole tokens, in the image's shape, of no fewer and no more pixels (`smart_resize`). */
function resizedTo(
  { size, min_pixels, max_pixels, patch_size, merge_size }: FrozenConfig<PatchConfig>,
  height: number,
  width: number,
): { readonly height: number; readonly width: number } {
  if (Math.max(height, width) / Math.min(height, width) > 200) {
    throw new RangeError(
      `Cannot read an image of ${width}x${height}: no side may be more than 200 times as long as the other`,
    );
  }
  const least = min_pixels ?? size.shortest_edge ?? 56 * 56;
  const most = max_pixels ?? size.longest_edge ?? 28 * 28 * 1280;
  const factor = patch_size * merge_size;
  const [h, w] = [height, width].map((side) => roundHalfEven(side / factor) * factor) as [
    number,
    number,
  ];
  if (h * w > most) {
    const by = Math.sqrt(height * width / most);
    const down = (side: number) => Math.max(factor, Math.floor(side / by / factor) * factor);
    return { height: down(height), width: down(width) };
  }
  if (h * w < least) {
    const by = Math.sqrt(least / (height * width));
    const up = (side: number) => Math.ceil(side * by / factor) * factor;
    return { height: up(height), width: up(width) };
  }
  return { height: h, width: w };
}

/** Patches of an image, 2x2 of them after the other, each repeated for every frame. */
function patchesOf(
  pixels: Tensor,
  { patch_size: side, merge_size: merge, temporal_patch_size: frames }: FrozenConfig<PatchConfig>,
): Tensor {
  const [, channels, height, width] = pixels.dims as [number, number, number, number];
  const [rows, columns] = [height / side, width / side];
  const split = [channels, rows / merge, merge, side, columns / merge, merge, side];
  const patches = pixels.reshape(split).permute([1, 4, 2, 5, 0, 3, 6])
    .reshape([rows * columns, channels, 1, side * side]);
  return patches.repeat([1, 1, frames, 1]).reshape([rows * columns, channels * frames * side ** 2]);
}
