import { convert } from "./convert.ts";
import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";

/**
 * Images in rows and columns on one image, as `make_image_grid` of diffusers. Images of
 * several modes or sizes are allowed: each cell is as large as the largest, in RGB unless all are
 * grey or one has alpha; cells that are left over stay black (or clear).
 *
 * @param images Row by row; at least one.
 * @param rows How many rows.
 * @param cols How many columns.
 * @throws {RangeError} when `rows * cols` cells do not hold the images, or there are none.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseImage, imageGrid } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const grey = (value: number) => new DenoiseImage(1, 1, 1, Uint8Array.of(value));
 * assertEquals([...imageGrid([grey(1), grey(2)], 1, 2).data], [1, 2]);
 * ```
 */
export function imageGrid(images: readonly Pixels[], rows: number, cols: number): DenoiseImage {
  const cells = rows * cols;
  if (!Number.isInteger(rows) || !Number.isInteger(cols) || rows < 1 || cols < 1) {
    throw new RangeError(
      `Cannot make a grid of ${rows} rows and ${cols} columns: give positive integers`,
    );
  }
  if (images.length === 0 || images.length > cells) {
    throw new RangeError(
      `Cannot make a grid of ${rows}x${cols} cells with ${images.length} images: ` +
        `give 1 to ${cells}`,
    );
  }
  const channels = Math.max(...images.map((image) => image.channels));
  const mode = channels === 1 ? "L" : channels === 3 ? "RGB" : "RGBA";
  const cellWidth = Math.max(...images.map((image) => image.width));
  const cellHeight = Math.max(...images.map((image) => image.height));
  const width = cols * cellWidth;
  const data = new Uint8Array(width * rows * cellHeight * channels);
  images.forEach((image, index) => {
    const { data: pixels } = convert(image, mode);
    const left = (index % cols) * cellWidth;
    const top = Math.floor(index / cols) * cellHeight;
    const row = image.width * channels;
    for (let y = 0; y < image.height; y++) {
      data.set(
        pixels.subarray(y * row, (y + 1) * row),
        ((top + y) * width + left) * channels,
      );
    }
  });
  return new DenoiseImage(width, rows * cellHeight, channels, data);
}
