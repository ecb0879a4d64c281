import type { Resample } from "./_filters.ts";
import { paste } from "./_paste.ts";
import { DenoiseImage } from "./picture.ts";
import type { Pixels } from "./pixels.ts";
import { checkSize, drawOutEdge, resize } from "./resize.ts";

/** The part of the longer or the shorter side that keeps a picture's shape. */
function keptSize(
  picture: Pixels,
  width: number,
  height: number,
  isWide: boolean,
): [width: number, height: number] {
  return isWide
    ? [width, Math.max(1, Math.floor(picture.height * width / picture.width))]
    : [Math.max(1, Math.floor(picture.width * height / picture.height)), height];
}

function onCanvas(picture: Pixels, width: number, height: number): DenoiseImage {
  const { channels } = picture;
  const data = new Uint8Array(width * height * channels);
  const canvas = new DenoiseImage(width, height, channels, data);
  const left = Math.floor(width / 2) - Math.floor(picture.width / 2);
  paste(canvas, picture, left, Math.floor(height / 2) - Math.floor(picture.height / 2));
  return canvas;
}

/**
 * A picture resized in its own shape until it covers a size, cut to its middle: resize mode
 * `"crop"` of diffusers' `VaeImageProcessor`.
 *
 * @throws {RangeError} for a size that is no positive integer.
 */
export function resizeAndCrop(
  picture: Pixels,
  width: number,
  height: number,
  method: Resample = "lanczos",
): DenoiseImage {
  checkSize(width, height);
  const isWide = width / height > picture.width / picture.height;
  const [innerWidth, innerHeight] = keptSize(picture, width, height, isWide);
  return onCanvas(resize(picture, innerWidth, innerHeight, method), width, height);
}

/**
 * A picture resized in its own shape until it fits into a size, in the middle, with its edges drawn
 * out over what is left: resize mode `"fill"` of diffusers' `VaeImageProcessor`. As there, a row or
 * column that is left over by rounding stays black.
 *
 * @throws {RangeError} for a size that is no positive integer.
 */
export function resizeAndFill(
  picture: Pixels,
  width: number,
  height: number,
  method: Resample = "lanczos",
): DenoiseImage {
  checkSize(width, height);
  const isWide = width / height < picture.width / picture.height;
  const [innerWidth, innerHeight] = keptSize(picture, width, height, isWide);
  const inner = resize(picture, innerWidth, innerHeight, method);
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
