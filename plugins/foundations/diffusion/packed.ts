import { type ImageSize, Tensor } from "@denoise/core";
import { type LatentComponents, vaeScaleFactor } from "./latents.ts";
import { type SizeOptions, wholeSize } from "./size.ts";

/** Latents of a side where neither call nor config says it (`default_sample_size`). */
const TRAINED_SIZE = 128;

/**
 * The size of images whose latents are packed, two by two: what is given, its sides cut to whole tokens, or 1024
 * pixels.
 *
 * @throws {RangeError} for sides of less than a token.
 */
export function packedSize(
  { vae }: Pick<LatentComponents, "vae">,
  given: SizeOptions,
): ImageSize {
  const factor = vaeScaleFactor(vae);
  const trained = TRAINED_SIZE * factor;
  const { height = trained, width = trained } = given;
  return wholeSize({ height, width }, 2 * factor);
}

/** How many tokens an image of a size is, where latents are packed two by two. */
export function packedTokens(
  { vae }: Pick<LatentComponents, "vae">,
  { height, width }: ImageSize,
): number {
  const token = 2 * vaeScaleFactor(vae);
  return (height / token) * (width / token);
}

/**
 * Coordinates of the tokens of an image, float32 [rows·columns, 3]: which image, row, column.
 *
 * @param index 0 for the image that is made; reference images have other ones.
 */
export function gridIds(rows: number, columns: number, index = 0): Tensor {
  const ids = new Float32Array(rows * columns * 3);
  for (let i = 0; i < rows * columns; i++) {
    ids.set([index, Math.floor(i / columns), i % columns], 3 * i);
  }
  return Tensor.from(ids, [rows * columns, 3]);
}
