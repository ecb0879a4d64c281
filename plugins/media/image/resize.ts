import { DenoiseImage } from "./picture.ts";
import type { Pixels } from "./pixels.ts";
import { coefficients, FILTERS, fixedPoint, type Resample, type Taps } from "./_filters.ts";
import { type Lines, twoPass } from "./_two_pass.ts";
import { premultiply, unpremultiply } from "./_alpha.ts";

const PRECISION_BITS = 22;

function clip8(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function passOf(channels: number) {
  return (source: Uint8Array, taps: Taps, lines: Lines, target: Uint8Array): void => {
    const weights = fixedPoint(taps, PRECISION_BITS);
    const { starts, counts, width } = taps;
    const { count, lineSteps, step } = lines;
    for (let line = 0; line < count; line++) {
      for (let out = 0; out < starts.length; out++) {
        const first = line * lineSteps[0] + starts[out]! * step;
        const place = line * lineSteps[1] + out * step;
        for (let c = 0; c < channels; c++) {
          let sum = 1 << (PRECISION_BITS - 1);
          for (let k = 0, from = first + c; k < counts[out]!; k++, from += step) {
            sum += source[from]! * weights[out * width + k]!;
          }
          target[place + c] = clip8(sum);
        }
      }
    }
  };
}

function resample(picture: Pixels, width: number, height: number, method: Resample): Uint8Array {
  const { channels, data } = picture;
  const allocate = (size: number): Uint8Array => new Uint8Array(size);
  const to = { width, height };
  const result = twoPass(data, picture, to, channels, method, allocate, passOf(channels));
  return result === data ? data.slice() : result;
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

function nearest(picture: Pixels, width: number, height: number): Uint8Array {
  const { channels, data } = picture;
  const columns = nearestPlaces(picture.width, width);
  const rows = nearestPlaces(picture.height, height);
  const target = new Uint8Array(width * height * channels);
  for (let y = 0, place = 0; y < height; y++) {
    const row = rows[y]! * picture.width;
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
      `Cannot resize a picture to ${width}x${height}: both must be positive integers`,
    );
  }
}

/** Throws unless the name is one of a resampling method. */
export function checkResample(method: string): asserts method is Resample {
  if (method !== "nearest" && !(method in FILTERS)) {
    throw new TypeError(
      `Cannot resize a picture with ${JSON.stringify(method)}: it must be one of ` +
        ["nearest", ...Object.keys(FILTERS)].map((name) => JSON.stringify(name)).join(", "),
    );
  }
}

/**
 * A picture in another size, bit for bit as `Image.resize` of Pillow 13: two passes with the
 * filter stretched when the picture shrinks, in fixed point of 22 bits; RGBA goes through
 * premultiplied alpha unless the method is `"nearest"`.
 *
 * @param picture Grey, RGB or RGBA.
 * @param width The new width in pixels.
 * @param height The new height in pixels.
 * @param method `"lanczos"` unless given.
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
  picture: Pixels,
  width: number,
  height: number,
  method: Resample = "lanczos",
): DenoiseImage {
  checkSize(width, height);
  checkResample(method);
  if (method === "nearest") {
    return new DenoiseImage(width, height, picture.channels, nearest(picture, width, height));
  }
  if (picture.channels !== 4 || (width === picture.width && height === picture.height)) {
    const data = resample(picture, width, height, method);
    return new DenoiseImage(width, height, picture.channels, data);
  }
  const { width: fromWidth, height: fromHeight } = picture;
  const premultiplied = new DenoiseImage(fromWidth, fromHeight, 4, premultiply(picture.data));
  const data = unpremultiply(resample(premultiplied, width, height, method));
  return new DenoiseImage(width, height, 4, data);
}

/**
 * The edge of a picture drawn out: what Pillow makes of `resize` with a box without extent, along
 * one axis, with its bicubic filter.
 */
export function drawOutEdge(
  picture: Pixels,
  axis: "width" | "height",
  length: number,
  at: number,
): DenoiseImage {
  const { channels } = picture;
  const width = axis === "width" ? length : picture.width;
  const height = axis === "height" ? length : picture.height;
  const data = new Uint8Array(width * height * channels);
  const taps = coefficients(picture[axis], length, "bicubic", [at, at]);
  const lines: Lines = axis === "width"
    ? { count: height, lineSteps: [picture.width * channels, width * channels], step: channels }
    : { count: width, lineSteps: [channels, channels], step: width * channels };
  passOf(channels)(picture.data, taps, lines, data);
  return new DenoiseImage(width, height, channels, data);
}
