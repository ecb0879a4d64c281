import { Tensor } from "@denoise/core";

/** What rows and columns are multiplied with, as in training. */
const SCALE = 0.5;

/**
 * Coordinates of an image's tokens, float32 [rows·columns, 4]: 0, row, column, image.
 *
 * @param image 0 for the one that is made, -1, -2 and so on for reference images.
 */
export function imageIds(rows: number, columns: number, image = 0): Tensor {
  const ids = new Float32Array(rows * columns * 4);
  for (let i = 0; i < rows * columns; i++) {
    ids.set([0, SCALE * Math.floor(i / columns), SCALE * (i % columns), image], 4 * i);
  }
  return Tensor.from(ids, [rows * columns, 4]);
}

/** Coordinates of a text's tokens, float32 [tokens, 4]: they count on the last axis. */
export function textIds(tokens: number): Tensor {
  const ids = Float32Array.from({ length: tokens * 4 }, (_, i) => i % 4 === 3 ? (i - 3) / 4 : 0);
  return Tensor.from(ids, [tokens, 4]);
}
