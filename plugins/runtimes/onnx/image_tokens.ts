import { Tensor } from "@denoise/core";

/** An image as the transformer counts it: frames, rows and columns of tokens. */
export type ImageShape = readonly [frames: number, rows: number, columns: number];

/** How many tokens an image has. */
export function tokensOf([frames, rows, columns]: ImageShape): number {
  return frames * rows * columns;
}

/**
 * Coordinates of the tokens of all images, float32 [tokens, 3]: which image, row and column, which count from
 * the middle.
 *
 * @param layered Whether the last image is none of the layers, but number -1. Defaults to false.
 */
export function centredIds(shapes: readonly ImageShape[], layered = false): Tensor {
  const total = shapes.reduce((sum, shape) => sum + tokensOf(shape), 0);
  const ids = new Float32Array(total * 3);
  let place = 0;
  for (const [image, [frames, rows, columns]] of shapes.entries()) {
    const first = layered && image === shapes.length - 1 ? -1 : image;
    for (let frame = 0; frame < frames; frame++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          ids.set(
            [first + frame, row - Math.ceil(rows / 2), column - Math.ceil(columns / 2)],
            place,
          );
          place += 3;
        }
      }
    }
  }
  return Tensor.from(ids, [total, 3]);
}

/** Coordinates of the text's tokens, float32 [tokens, 3]: on all axes from beyond the images on. */
export function idsBeyond(
  tokens: number,
  shapes: readonly ImageShape[],
  layered = false,
): Tensor {
  const sides = shapes.flatMap(([, rows, columns]) => [rows >> 1, columns >> 1]);
  const first = Math.max(...sides, layered ? shapes.length - 1 : 0);
  const ids = Float32Array.from({ length: tokens * 3 }, (_, i) => first + Math.floor(i / 3));
  return Tensor.from(ids, [tokens, 3]);
}

/** 1 for the tokens of each image but the first, else 0: float32 [tokens]. */
export function referenceTokens(shapes: readonly ImageShape[]): Tensor {
  const total = shapes.reduce((sum, shape) => sum + tokensOf(shape), 0);
  return Tensor.from(new Float32Array(total).fill(1, tokensOf(shapes[0]!)), [total]);
}
