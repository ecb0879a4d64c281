import { type Recipe, Tensor } from "@denoise/core";
import { ImageList } from "./image_list.ts";
import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";

/**
 * Images of a batch, with the pixels that `numpy_to_pil` of diffusers gives: `x * 255` in
 * float32, rounded half to even; values outside 0..1 are clipped.
 *
 * @param tensor Floating point [N, C, H, W] or [C, H, W] in 0..1, C = 1, 3 or 4.
 * @param recipe What each image was made from.
 * @param bitDepth 16 for grey images whose PNG has `x * 65535` for each pixel. Defaults to 8.
 * @throws {TypeError} for a tensor of another shape or type.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { imagesFromTensor } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const [image] = imagesFromTensor(Tensor.full([1, 3, 1, 1], 0.5));
 * assertEquals([...image!.data], [128, 128, 128]); // 127.5 is rounded to the even 128
 * ```
 */
export function imagesFromTensor(
  tensor: Tensor,
  recipe?: (index: number) => Recipe,
  bitDepth: 8 | 16 = 8,
): ImageList {
  const batch = tensor.dims.length === 3 ? tensor.unsqueeze(0) : tensor;
  const [count, channels, height, width] = batch.dims;
  const isFloating = tensor.dtype === "float32" || tensor.dtype === "float16" ||
    tensor.dtype === "float64";
  if (batch.dims.length !== 4 || ![1, 3, 4].includes(channels!) || !isFloating) {
    throw new TypeError(
      `Cannot make images of ${tensor}: it must be float32 [N, C, H, W] with 1, 3 or 4 channels`,
    );
  }
  if (bitDepth === 16 && channels !== 1) {
    throw new TypeError(
      `Cannot make images of 16 bits of ${tensor}: they are grey, of one channel`,
    );
  }
  const values = batch.toFloat32Array();
  const plane = height! * width!;
  const images = new ImageList();
  for (let n = 0; n < count!; n++) {
    const data = new Uint8ClampedArray(plane * channels!);
    for (let c = 0; c < channels!; c++) {
      const start = (n * channels! + c) * plane;
      for (let i = 0, at = c; i < plane; i++, at += channels!) {
        data[at] = Math.fround(values[start + i]! * 255);
      }
    }
    const pixels = new Uint8Array(data.buffer);
    const samples = bitDepth === 8
      ? undefined
      : Uint16Array.from(values.subarray(n * plane, (n + 1) * plane), deepSample);
    images.push(
      new DenoiseImage(width!, height!, channels!, pixels, { recipe: recipe?.(n), samples }),
    );
  }
  return images;
}

/** The sample of 16 bits for a value in 0..1; values outside are clipped. */
function deepSample(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 65535);
}

/**
 * An image as float32 [1, C, H, W] in 0..1: `x / 255` in float32, as `pil_to_numpy` of diffusers.
 *
 * @example
 * ```ts
 * import { DenoiseImage, tensorFromImage } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const white = new DenoiseImage(2, 1, 1, Uint8Array.of(255, 0));
 * assertEquals(tensorFromImage(white).toNested(), [[[[1, 0]]]]);
 * ```
 */
export function tensorFromImage(image: Pixels): Tensor {
  const { width, height, channels, data } = image;
  const plane = width * height;
  const values = new Float32Array(plane * channels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0, at = c; i < plane; i++, at += channels) values[c * plane + i] = data[at]! / 255;
  }
  return new Tensor("float32", values, [1, channels, height, width]);
}
