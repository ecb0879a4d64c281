import { Tensor } from "@denoise/core";

/** Coordinates of an image's tokens, float32 [rows·columns, 4]: which image, row, column, 0. */
export function imageIds(rows: number, columns: number, image = 0): Tensor {
  const ids = new Float32Array(rows * columns * 4);
  for (let i = 0; i < rows * columns; i++) {
    ids.set([image, Math.floor(i / columns), i % columns], 4 * i);
  }
  return Tensor.from(ids, [rows * columns, 4]);
}

/** Coordinates of a text's tokens, float32 [tokens, 4]: they count on the last axis. */
export function textIds(tokens: number): Tensor {
  const ids = Float32Array.from({ length: tokens * 4 }, (_, i) => i % 4 === 3 ? (i - 3) / 4 : 0);
  return Tensor.from(ids, [tokens, 4]);
}
