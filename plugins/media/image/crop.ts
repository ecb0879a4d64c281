import type { ImageBox } from "@denoise/core";
import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";

/**
 * The part of an image inside a box; what lies outside the image is 0, as in `Image.crop` of
 * Pillow.
 *
 * @category Images and audio
 *
 * @throws {RangeError} for a box without pixels or with fractions.
 *
 * @example
 * ```ts
 * import { crop, DenoiseImage } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const row = new DenoiseImage(3, 1, 1, Uint8Array.of(1, 2, 3));
 * assertEquals([...crop(row, { left: 1, top: 0, right: 4, bottom: 1 }).data], [2, 3, 0]);
 * ```
 */
export function crop(image: Pixels, box: ImageBox): DenoiseImage {
  const { left, top, right, bottom } = box;
  if (![left, top, right, bottom].every(Number.isInteger) || right <= left || bottom <= top) {
    throw new RangeError(
      `Cannot crop to (${left}, ${top}, ${right}, ${bottom}): give integers with left < right ` +
        "and top < bottom",
    );
  }
  const { channels } = image;
  const [width, height] = [right - left, bottom - top];
  const data = new Uint8Array(width * height * channels);
  const from = Math.max(left, 0);
  const to = Math.min(right, image.width);
  for (let y = Math.max(top, 0); y < Math.min(bottom, image.height) && from < to; y++) {
    const row = y * image.width;
    data.set(
      image.data.subarray((row + from) * channels, (row + to) * channels),
      ((y - top) * width + from - left) * channels,
    );
  }
  return new DenoiseImage(width, height, channels, data);
}

/**
 * The middle of an image, filled up with 0 where the image is smaller, as `center_crop` of
 * transformers' image processors.
 */
export function centerCrop(image: Pixels, width: number, height: number): DenoiseImage {
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  return crop(image, { left, top, right: left + width, bottom: top + height });
}
