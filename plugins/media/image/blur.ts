import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";

const { fround } = Math;

/** One row (or column) through a box of fractional radius, as Pillow's `ImagingLineBoxBlur8`. */
function boxLine(
  data: Uint8Array,
  line: Uint8Array,
  start: number,
  step: number,
  radius: number,
): void {
  const last = line.length - 1;
  const whole = Math.trunc(radius);
  const inside = Math.trunc(fround(2 ** 24 / fround(fround(radius * 2) + 1)));
  const edge = Math.trunc((2 ** 24 - (whole * 2 + 1) * inside) / 2);
  for (let i = 0; i <= last; i++) line[i] = data[start + i * step]!;
  const at = (i: number): number => line[i < 0 ? 0 : i > last ? last : i]!;
  let sum = 0;
  for (let i = -whole - 1; i < whole; i++) sum += at(i);
  for (let i = 0; i <= last; i++) {
    sum += at(i + whole) - at(i - whole - 1);
    const value = sum * inside + (at(i - whole - 1) + at(i + whole + 1)) * edge;
    data[start + i * step] = Math.floor((value + 2 ** 23) / 2 ** 24);
  }
}

function boxPasses(image: Pixels, radius: number, passes: number): DenoiseImage {
  const { width, height, channels } = image;
  const data = image.data.slice();
  if (radius > 0) {
    const row = new Uint8Array(width);
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        for (let n = 0; n < passes; n++) {
          boxLine(data, row, y * width * channels + c, channels, radius);
        }
      }
    }
    const column = new Uint8Array(height);
    for (let x = 0; x < width * channels; x++) {
      for (let n = 0; n < passes; n++) boxLine(data, column, x, width * channels, radius);
    }
  }
  return new DenoiseImage(width, height, channels, data);
}

function checkRadius(radius: number): void {
  if (!Number.isFinite(radius) || radius < 0) {
    throw new RangeError(`Cannot blur with radius ${radius}: it must be a number from 0`);
  }
}

/**
 * An image blurred with a box, bit for bit as `ImageFilter.BoxBlur` of Pillow.
 *
 * @param radius Pixels on each side, fractions allowed; 0 leaves the image as it is.
 * @throws {RangeError} for a negative or infinite radius.
 */
export function boxBlur(image: Pixels, radius: number): DenoiseImage {
  checkRadius(radius);
  return boxPasses(image, fround(radius), 1);
}

/** The box that gives the Gaussian's variance in so many passes. */
function boxRadius(sigma: number, passes: number): number {
  const variance = fround(fround(sigma * sigma) / passes);
  const length = fround(Math.sqrt(12 * variance + 1));
  const whole = fround(Math.floor((length - 1) / 2));
  const spread = fround(fround(whole * fround(whole + 1)) - fround(3 * variance));
  const next = fround(fround(whole + 1) * fround(whole + 1));
  const part = fround(
    fround(fround(fround(2 * whole) + 1) * spread) / fround(6 * fround(variance - next)),
  );
  return fround(whole + part);
}

/**
 * An image blurred by a Gaussian, bit for bit as `ImageFilter.GaussianBlur` of Pillow: three
 * passes of an extended box blur (Gwosdek et al., "Theoretical foundations of Gaussian convolution
 * by extended box filtering", 2011), in float32 as there.
 *
 * @param radius The standard deviation in pixels; 0 leaves the image as it is.
 * @throws {RangeError} for a negative or infinite radius.
 *
 * @example
 * ```ts
 * import { DenoiseImage, gaussianBlur } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const dot = new DenoiseImage(5, 1, 1, Uint8Array.of(0, 0, 255, 0, 0));
 * assertEquals([...gaussianBlur(dot, 0).data], [0, 0, 255, 0, 0]);
 * ```
 */
export function gaussianBlur(image: Pixels, radius: number): DenoiseImage {
  checkRadius(radius);
  return boxPasses(image, boxRadius(fround(radius), 3), 3);
}
