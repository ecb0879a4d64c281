import { DenoiseImage } from "./image.ts";
import { reduce } from "./reduce.ts";
import type { Pixels } from "./pixels.ts";
import { coefficients, FILTERS, type Resample } from "./_filters.ts";
import { passes8 } from "./_passes.ts";
import { twoPass } from "./_two_pass.ts";
import { premultiply, unpremultiply } from "./_alpha.ts";

function resample(
  image: Pixels,
  width: number,
  height: number,
  method: Resample,
  gap: number | undefined,
): Uint8Array {
  const factor = (from: number, to: number) =>
    gap === undefined ? 1 : Math.max(Math.trunc(from / to / gap), 1);
  const [columns, rows] = [factor(image.width, width), factor(image.height, height)];
  const reduced = columns > 1 || rows > 1 ? reduce(image, columns, rows) : image;
  const { channels, data } = reduced;
  const part = {
    width: Math.fround(image.width / columns),
    height: Math.fround(image.height / rows),
  };
  const size = { width, height };
  const result = twoPass(data, reduced, size, channels, method, passes8(channels), part);
  return result === image.data ? data.slice() : result;
}

/** The source index of each target place; the place is summed up step by step, as in Pillow. */
function nearestPlaces(from: number, to: number): Int32Array {
  const scale = from / to;
  const places = new Int32Array(to);
  for (let i = 0, at = scale * 0.5; i < to; i++, at += scale) {
    places[i] = Math.min(Math.trunc(at), from - 1);
  }
  return places;
}

function nearest(image: Pixels, width: number, height: number): Uint8Array {
  const { channels, data } = image;
  const columns = nearestPlaces(image.width, width);
  const rows = nearestPlaces(image.height, height);
  const target = new Uint8Array(width * height * channels);
  for (let y = 0, place = 0; y < height; y++) {
    const row = rows[y]! * image.width;
    for (let x = 0; x < width; x++) {
      const from = (row + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) target[place++] = data[from + c]!;
    }
  }
  return target;
}

/** Throws unless the size is a pair of positive integers. */
export function checkSize(width: number, height: number): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(
      `Cannot resize an image to ${width}x${height}: both must be positive integers`,
    );
  }
}

/** Throws unless the name is one of a resampling method. */
export function checkResample(method: string): asserts method is Resample {
  if (method !== "nearest" && !(method in FILTERS)) {
    throw new TypeError(
      `Cannot resize an image with ${JSON.stringify(method)}: it must be one of ` +
        ["nearest", ...Object.keys(FILTERS)].map((name) => JSON.stringify(name)).join(", "),
    );
  }
}

/** How an image is made smaller before it is resampled. */
export interface ReducingOptions {
  /**
   * An image that shrinks is reduced by whole factors first, to no less than so many times its new size:
   * 1 or more. Not by default.
   */
  readonly reducingGap?: number | undefined;
}

/**
 * An image in another size, bit for bit as `Image.resize` of Pillow 13: two passes with the
 * filter stretched when the image shrinks, in fixed point of 22 bits; RGBA goes through
 * premultiplied alpha unless the method is `"nearest"`.
 *
 * @category Images and audio
 *
 * @param image Grey, RGB or RGBA.
 * @param width The new width in pixels.
 * @param height The new height in pixels.
 * @param method `"lanczos"` by default.
 * @param options `reducingGap`: how Pillow's is given.
 * @throws {RangeError} for a size that is no positive integer.
 * @throws {TypeError} for an unknown method.
 *
 * @example
 * ```ts
 * import { DenoiseImage, resize } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const row = new DenoiseImage(4, 1, 1, Uint8Array.of(0, 0, 255, 255));
 * assertEquals([...resize(row, 2, 1, "box").data], [0, 255]);
 * ```
 */
export function resize(
  image: Pixels,
  width: number,
  height: number,
  method: Resample = "lanczos",
  { reducingGap }: ReducingOptions = {},
): DenoiseImage {
  checkSize(width, height);
  checkResample(method);
  if (method === "nearest") {
    return new DenoiseImage(width, height, image.channels, nearest(image, width, height));
  }
  if (image.channels !== 4 || (width === image.width && height === image.height)) {
    const data = resample(image, width, height, method, reducingGap);
    return new DenoiseImage(width, height, image.channels, data);
  }
  const { width: fromWidth, height: fromHeight } = image;
  const premultiplied = new DenoiseImage(fromWidth, fromHeight, 4, premultiply(image.data));
  const data = unpremultiply(resample(premultiplied, width, height, method, reducingGap));
  return new DenoiseImage(width, height, 4, data);
}

/**
 * The edge of an image drawn out: what Pillow makes of `resize` with a box without extent, along
 * one axis, with its bicubic filter.
 */
export function drawOutEdge(
  image: Pixels,
  axis: "width" | "height",
  length: number,
  at: number,
): DenoiseImage {
  const { channels, data } = image;
  const taps = coefficients(image[axis], length, "bicubic", [at, at]);
  const rowLength = image.width * channels;
  return axis === "width"
    ? new DenoiseImage(
      length,
      image.height,
      channels,
      passes8(channels).horizontal(data, rowLength, taps),
    )
    : new DenoiseImage(
      image.width,
      length,
      channels,
      passes8(channels).vertical(data, rowLength, taps),
    );
}
