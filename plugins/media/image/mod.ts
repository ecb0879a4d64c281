/**
 * # Images
 *
 * Images in and out of files, tensors and notebooks, with the same pixels as diffusers gets from
 * Pillow.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { decodeImage, imageCodec, resize } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const [image] = imageCodec.fromTensor(Tensor.zeros([1, 3, 64, 64]));
 * const file = await image!.encode("png");
 * const half = resize(await decodeImage(file), 32, 32, "lanczos");
 * assertEquals([half.width, half.height], [32, 32]);
 * ```
 *
 * @module
 */
export { boxBlur, gaussianBlur } from "./blur.ts";
export { createImageCodec, imageCodec, type ToTensorOptions } from "./codec.ts";
export { convert, type Mode } from "./convert.ts";
export { centerCrop, crop } from "./crop.ts";
export { displaySample, sampleToImage, type Show } from "./display_sample.ts";
export { imageGrid } from "./image_grid.ts";
export { ImageList } from "./image_list.ts";
export { applyOverlay, cropRegion } from "./inpaint.ts";
export { loadImage, type LoadImageOptions } from "./load_image.ts";
export { decodeImage, type ImageLimits, openImage } from "./open_image.ts";
export {
  DenoiseImage,
  type DenoiseImageOptions,
  type EncodeOptions,
  type ImageFormat,
} from "./image.ts";
export type { Pixels } from "./pixels.ts";
export { formatParameters, readPngTexts, readRecipe } from "./recipe.ts";
export type { Resample } from "./_filters.ts";
export { reduce } from "./reduce.ts";
export { type ReducingOptions, resize } from "./resize.ts";
export { resizeFloat } from "./resize_float.ts";
export { resizeAndCrop, resizeAndFill } from "./resize_to_fit.ts";
export { imagesFromTensor, tensorFromImage } from "./tensors.ts";
