import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";

/** What a sum of so many samples is multiplied with to be their mean times 2^24 (`division_UINT32` of Pillow). */
function inverse(count: number): number {
  return Math.trunc(Math.fround(2 ** 32 / (count * 2 ** 8)));
}

/**
 * An image whose pixels are the means of blocks, bit for bit as `Image.reduce` of Pillow; blocks that the
 * edges cut are smaller.
 *
 * @param columns Width of a block.
 * @param rows Height of a block.
 *
 * @example
 * ```ts
 * import { DenoiseImage, reduce } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const row = new DenoiseImage(3, 1, 1, Uint8Array.of(10, 20, 200));
 * assertEquals([...reduce(row, 2, 1).data], [15, 200]);
 * ```
 */
export function reduce(image: Pixels, columns: number, rows: number): DenoiseImage {
  const { channels, data } = image;
  const width = Math.ceil(image.width / columns);
  const height = Math.ceil(image.height / rows);
  const means = new Uint8Array(width * height * channels);
  for (let y = 0, place = 0; y < height; y++) {
    const [top, bottom] = [y * rows, Math.min((y + 1) * rows, image.height)];
    for (let x = 0; x < width; x++) {
      const [left, right] = [x * columns, Math.min((x + 1) * columns, image.width)];
      const count = (bottom - top) * (right - left);
      for (let c = 0; c < channels; c++) {
        let sum = Math.trunc(count / 2);
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            sum += data[(row * image.width + column) * channels + c]!;
          }
        }
        means[place++] = Math.floor(sum * inverse(count) / 2 ** 24);
      }
    }
  }
  return new DenoiseImage(width, height, channels, means);
}
