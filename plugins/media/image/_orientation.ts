import { jpegSegments, startsWith } from "./_header.ts";
import type { Header } from "./_header.ts";
import { pngChunks } from "./_png_chunks.ts";
import { DenoiseImage } from "./image.ts";

const ORIENTATION_TAG = 0x0112;

/** The orientation that a block of EXIF gives, 1 to 8; 1 when it gives none. */
function orientationOf(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const isLittle = startsWith(tiff, "II");
  if (tiff.length < 8 || (!isLittle && !startsWith(tiff, "MM"))) return 1;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > tiff.length) return 1;
  const count = view.getUint16(directory, isLittle);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.length) return 1;
    if (view.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue;
    const value = view.getUint16(entry + 8, isLittle);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function* exifBlocks(bytes: Uint8Array, format: Header["format"]): Generator<Uint8Array, void> {
  if (format === "jpeg") {
    for (const { marker, data } of jpegSegments(bytes)) {
      if (marker === 0xe1 && startsWith(data, "Exif\0\0")) yield data.subarray(6);
    }
  }
  if (format === "png") {
    for (const { type, data } of pngChunks(bytes)) if (type === "eXIf") yield data;
  }
  if (format === "webp") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 12; at + 8 <= bytes.length;) {
      const length = view.getUint32(at + 4, true);
      const data = bytes.subarray(at + 8, at + 8 + length);
      if (startsWith(bytes, "EXIF", at)) {
        yield startsWith(data, "Exif\0\0") ? data.subarray(6) : data;
      }
      at += 8 + length + length % 2;
    }
  }
}

/** The EXIF orientation of a file: 1 (upright) to 8. */
export function readOrientation(bytes: Uint8Array, format: Header["format"]): number {
  for (const tiff of exifBlocks(bytes, format)) return orientationOf(tiff);
  return 1;
}

/** An image turned upright, as `ImageOps.exif_transpose` of Pillow. */
export function orient(image: DenoiseImage, orientation: number): DenoiseImage {
  if (orientation === 1) return image;
  const { width, height, channels, data: source } = image;
  const isTurned = orientation >= 5;
  const isMirroredX = [2, 3, 7, 8].includes(orientation);
  const isMirroredY = [3, 4, 6, 7].includes(orientation);
  const [toWidth, toHeight] = isTurned ? [height, width] : [width, height];
  const data = new Uint8Array(source.length);
  for (let y = 0, place = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++, place += channels) {
      const [u, v] = isTurned ? [y, x] : [x, y];
      const column = isMirroredX ? width - 1 - u : u;
      const row = isMirroredY ? height - 1 - v : v;
      const from = (row * width + column) * channels;
      for (let c = 0; c < channels; c++) data[place + c] = source[from + c]!;
    }
  }
  return new DenoiseImage(toWidth, toHeight, channels, data);
}
