import type { Pixels } from "./pixels.ts";

/**
 * A JPEG of an image; alpha is left out.
 *
 * @param quality 1 to 100.
 */
export async function encodeJpeg(image: Pixels, quality: number): Promise<Uint8Array> {
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new RangeError(
      `Cannot encode a JPEG of quality ${quality}: quality must be an integer from 1 to 100`,
    );
  }
  const { width, height, channels, data } = image;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    rgba[4 * i] = data[at]!;
    rgba[4 * i + 1] = data[channels === 1 ? at : at + 1]!;
    rgba[4 * i + 2] = data[channels === 1 ? at : at + 2]!;
    rgba[4 * i + 3] = 255;
  }
  const { default: encode } = await import("@jsquash/jpeg/encode.js");
  const rgb = { data: rgba, width, height, colorSpace: "srgb" } as ImageData;
  return new Uint8Array(await encode(rgb, { quality, progressive: false }));
}
