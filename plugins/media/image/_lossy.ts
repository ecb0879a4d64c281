import { prepare } from "./_wasm.ts";
import type { Pixels } from "./pixels.ts";

/**
 * A JPEG of an image; alpha is left out.
 *
 * @param quality 1 to 100.
 */
export async function encodeJpeg(pixels: Pixels, quality: number): Promise<Uint8Array> {
  checkQuality("JPEG", quality);
  const { default: encode, init } = await import("@jsquash/jpeg/encode.js");
  await prepare(init, "@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm");
  const image = imageDataOf(pixels, false);
  return new Uint8Array(await encode(image, { quality, progressive: false }));
}

/**
 * A WebP of an image, with its alpha.
 *
 * @param quality 1 to 100; what is lost is decided by it.
 */
export async function encodeWebp(image: Pixels, quality: number): Promise<Uint8Array> {
  checkQuality("WebP", quality);
  const { default: encode, init } = await import("@jsquash/webp/encode.js");
  await prepare(init, "@jsquash/webp/codec/enc/webp_enc_simd.wasm");
  return new Uint8Array(await encode(imageDataOf(image, true), { quality }));
}

function checkQuality(format: string, quality: number): void {
  if (Number.isInteger(quality) && quality >= 1 && quality <= 100) return;
  throw new RangeError(
    `Cannot encode a ${format} of quality ${quality}: quality must be an integer from 1 to 100`,
  );
}

/** RGBA as the WebAssembly encoders take it. */
function imageDataOf({ width, height, channels, data }: Pixels, keepsAlpha: boolean): ImageData {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    rgba[4 * i] = data[at]!;
    rgba[4 * i + 1] = data[channels === 1 ? at : at + 1]!;
    rgba[4 * i + 2] = data[channels === 1 ? at : at + 2]!;
    rgba[4 * i + 3] = channels === 4 && keepsAlpha ? data[at + 3]! : 255;
  }
  return { data: rgba, width, height, colorSpace: "srgb" } as ImageData;
}
