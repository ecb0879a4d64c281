import { readAvif } from "./_avif.ts";
import { latin1, startsWith } from "./_bytes.ts";
import type { Header } from "./_header.ts";
import { readDirectory } from "./_ifd.ts";
import { readMetadata } from "./_metadata.ts";
import { DenoiseImage } from "./image.ts";
import { readTiff } from "./_tiff.ts";

const ORIENTATION_TAG = 0x0112;

/** Types of TIFF that are no numbers: bytes, text, opaque. */
const NO_NUMBERS = [1, 2, 7];

/**
 * The orientation that EXIF gives, 1 to 8, or undefined when it gives none; any numeric type will do,
 * as in Pillow. A value that is no orientation means upright.
 */
function orientationIn(exif: Uint8Array | undefined): number | undefined {
  if (exif === undefined) return undefined;
  let start = 0;
  for (let i = 0; i < 2 && startsWith(exif, "Exif\0\0", start); i++) start += 6;
  const field = readDirectory(exif.subarray(start))?.fields.get(ORIENTATION_TAG);
  if (field === undefined) return undefined;
  const [value] = field.values as [number];
  const isOne = Number.isInteger(value) && value >= 1 && value <= 8;
  return isOne && !NO_NUMBERS.includes(field.type) ? value : 1;
}

/** The orientation that XMP gives, as an attribute or an element. */
function orientationInXmp(xmp: string | undefined): number | undefined {
  const [, digit] = xmp?.match(/tiff:Orientation(?:="|>)([0-9])/) ?? [];
  if (digit === undefined) return undefined;
  return Number(digit) >= 1 && Number(digit) <= 8 ? Number(digit) : 1;
}

/**
 * How a file says that its image is turned, 1 (upright) to 8, wherever Pillow's `exif_transpose` looks:
 * EXIF first, then XMP. In AVIF its boxes irot and imir count instead of EXIF.
 */
export async function readOrientation(
  bytes: Uint8Array,
  format: Header["format"],
): Promise<number> {
  if (format === "avif") {
    const { orientation, exif, xmp } = readAvif(bytes);
    const isSaid = orientation !== 1 || orientationIn(exif) !== undefined;
    return isSaid ? orientation : orientationInXmp(xmp) ?? 1;
  }
  if (format === "tiff") {
    const { xmp } = readTiff(bytes);
    return orientationIn(bytes) ?? orientationInXmp(xmp && latin1(xmp)) ?? 1;
  }
  const { exif, xmp } = await readMetadata(bytes, format);
  return orientationIn(exif) ?? orientationInXmp(xmp) ?? 1;
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
