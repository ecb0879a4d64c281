import { Tensor } from "@denoise/core";

/** Latents [N, C, h, w] as a row of tokens, [N, h·w, C]. */
export function tokensOf(latents: Tensor): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h * w]).permute([0, 2, 1]);
}

/** The reverse of {@linkcode tokensOf}, for latents of `height` and `width`. */
export function latentsOf(tokens: Tensor, height: number, width: number): Tensor {
  const [n, , c] = tokens.dims as readonly [number, number, number];
  return tokens.permute([0, 2, 1]).reshape([n, c, height, width]);
}

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
