import { Tensor } from "@denoise/core";

/** Rows of tokens are filled up to multiples of this, with tokens that the model has learned. */
const MULTIPLE = 32;

/** A row's length once it is filled up. */
export function paddedLength(tokens: number): number {
  return Math.ceil(tokens / MULTIPLE) * MULTIPLE;
}

/** Tokens of 2x2 as latents of `height` and `width`. */
export function unpatchify(tokens: Tensor, height: number, width: number): Tensor {
  const [n, , c] = tokens.dims as readonly [number, number, number];
  return tokens.reshape([n, height / 2, width / 2, 2, 2, c / 4]).permute([0, 5, 1, 3, 2, 4])
    .reshape([n, c / 4, height, width]);
}

/** Coordinates of the text's tokens, float32 [padded, 3]: they count on the first axis from 1. */
export function textIds(tokens: number): Tensor {
  const padded = paddedLength(tokens);
  const ids = new Float32Array(padded * 3);
  for (let i = 0; i < padded; i++) ids[3 * i] = 1 + i;
  return Tensor.from(ids, [padded, 3]);
}

/**
 * Coordinates of the image's tokens, float32 [padded, 3]: the place behind the text, row, column; zeros for
 * those that fill the row up.
 */
export function imageIds(rows: number, columns: number, textTokens: number): Tensor {
  const padded = paddedLength(rows * columns);
  const ids = new Float32Array(padded * 3);
  const place = paddedLength(textTokens) + 1;
  for (let i = 0; i < rows * columns; i++) {
    ids.set([place, Math.floor(i / columns), i % columns], 3 * i);
  }
  return Tensor.from(ids, [padded, 3]);
}
