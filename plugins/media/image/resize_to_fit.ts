import type { Resample } from "./_filters.ts";
import { paste } from "./_paste.ts";
import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";
import { checkSize, drawOutEdge, resize } from "./resize.ts";

/** The part of the longer or the shorter side that keeps an image's shape. */
function keptSize(
  image: Pixels,
  width: number,
  height: number,
  isWide: boolean,
): [width: number, height: number] {
  return isWide
    ? [width, Math.max(1, Math.floor(image.height * width / image.width))]
    : [Math.max(1, Math.floor(image.width * height / image.height)), height];
}

function onCanvas(image: Pixels, width: number, height: number): DenoiseImage {
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  const canvas = new DenoiseImage(width, height, channels, data);
  const left = Math.floor(width / 2) - Math.floor(image.width / 2);
  paste(canvas, image, left, Math.floor(height / 2) - Math.floor(image.height / 2));
  return canvas;
}

/**
 * An image resized in its own shape until it covers a size, cut to its middle: resize mode
 * `"crop"` of diffusers' `VaeImageProcessor`.
 *
 * @throws {RangeError} for a size that is no positive integer.
 */
export function resizeAndCrop(
  image: Pixels,
  width: number,
  height: number,
  method: Resample = "lanczos",
): DenoiseImage {
  checkSize(width, height);
  const isWide = width / height > image.width / image.height;
  const [innerWidth, innerHeight] = keptSize(image, width, height, isWide);
  return onCanvas(resize(image, innerWidth, innerHeight, method), width, height);
}

/**
 * An image resized in its own shape until it fits into a size, in the middle, with its edges drawn
 * out over what is left: resize mode `"fill"` of diffusers' `VaeImageProcessor`. As there, a row or
 * column that is left over by rounding stays black.
 *
 * @throws {RangeError} for a size that is no positive integer.
 */
export function resizeAndFill(
  image: Pixels,
  width: number,
  height: number,
  method: Resample = "lanczos",
): DenoiseImage {
  checkSize(width, height);
  const isWide = width / height < image.width / image.height;
  const [innerWidth, innerHeight] = keptSize(image, width, height, isWide);
  const inner = resize(image, innerWidth, innerHeight, method);
  const canvas = onCanvas(inner, width, height);
  const rows = Math.floor(height / 2) - Math.floor(innerHeight / 2);
  const columns = Math.floor(width / 2) - Math.floor(innerWidth / 2);
  if (isWide && rows > 0) {
    paste(canvas, drawOutEdge(inner, "height", rows, 0), 0, 0);
    paste(canvas, drawOutEdge(inner, "height", rows, innerHeight), 0, rows + innerHeight);
  }
  if (!isWide && columns > 0) {
    paste(canvas, drawOutEdge(inner, "width", columns, 0), 0, 0);
    paste(canvas, drawOutEdge(inner, "width", columns, innerWidth), columns + innerWidth, 0);
  }
  return canvas;
}
