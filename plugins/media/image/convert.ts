import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";

/** A kind of pixels by its name in Pillow. */
export type Mode = "L" | "RGB" | "RGBA";

const CHANNELS: { readonly [mode in Mode]: number } = { L: 1, RGB: 3, RGBA: 4 };

/** ITU-R 601-2 luma in 16-bit fixed point, as Pillow's `L24`. */
function luma(r: number, g: number, b: number): number {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

/**
 * An image in another mode, as `Image.convert` of Pillow: grey by ITU-R 601, alpha left out
 * without a background or added as 255.
 *
 * @throws {TypeError} for an unknown mode.
 *
 * @example
 * ```ts
 * import { convert, DenoiseImage } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const red = new DenoiseImage(1, 1, 3, Uint8Array.of(255, 0, 0));
 * assertEquals([...convert(red, "L").data], [76]);
 * ```
 */
export function convert(image: Pixels, mode: Mode): DenoiseImage {
  const to = CHANNELS[mode];
  if (to === undefined) {
    throw new TypeError(
      `Cannot convert an image to ${JSON.stringify(mode)}: it must be "L", "RGB" or "RGBA"`,
    );
  }
  const { width, height, channels, data: source } = image;
  if (channels === to) return new DenoiseImage(width, height, channels, source.slice());
  const data = new Uint8Array(width * height * to);
  for (let i = 0, from = 0, at = 0; i < width * height; i++, from += channels, at += to) {
    const r = source[from]!;
    const g = channels === 1 ? r : source[from + 1]!;
    const b = channels === 1 ? r : source[from + 2]!;
    if (to === 1) {
      data[at] = luma(r, g, b);
      continue;
    }
    data[at] = r;
    data[at + 1] = g;
    data[at + 2] = b;
    if (to === 4) data[at + 3] = channels === 4 ? source[from + 3]! : 255;
  }
  return new DenoiseImage(width, height, to, data);
}
