import { Tensor } from "@denoise/core";

/** Rows of tokens are filled up to multiples of this, with tokens that the model has learned. */
const MULTIPLE = 32;

/** A row's length once it is filled up. */
export function paddedLength(tokens: number): number {
  return Math.ceil(tokens / MULTIPLE) * MULTIPLE;
}

/** Latents [N, C, h, w] as tokens of 2x2, [N, h/2·w/2, 4·C], the channels of a latent together. */
export function patchify(latents: Tensor): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h / 2, 2, w / 2, 2]).permute([0, 2, 4, 3, 5, 1])
    .reshape([n, (h / 2) * (w / 2), 4 * c]);
}

/** The reverse of {@linkcode patchify}, for latents of `height` and `width`. */
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
