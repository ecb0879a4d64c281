import type { Pixels } from "./pixels.ts";

/**
 * A JPEG of a picture; alpha is left out.
 *
 * @param quality 1 to 100.
 */
export async function encodeJpeg(picture: Pixels, quality: number): Promise<Uint8Array> {
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new RangeError(
      `Cannot encode a JPEG of quality ${quality}: quality must be an integer from 1 to 100`,
    );
  }
  const { width, height, channels, data } = picture;
  const { Image } = await import("imagescript");
  const image = new Image(width, height);
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    image.bitmap[4 * i] = data[at]!;
    image.bitmap[4 * i + 1] = data[channels === 1 ? at : at + 1]!;
    image.bitmap[4 * i + 2] = data[channels === 1 ? at : at + 2]!;
    image.bitmap[4 * i + 3] = 255;
  }
  return new Uint8Array(await image.encodeJPEG(quality as 90));
}
