import { readFileWithin } from "@denoise/files";
import { decode } from "./_decode.ts";
import { readHeader } from "./_header.ts";
import { orient, readOrientation } from "./_orientation.ts";
import type { DenoiseImage } from "./image.ts";

/** What an image may be at most; checked before it is decoded. */
export interface ImageLimits {
  /** Pixels, width times height; 16,777,216 (4096 x 4096) by default. */
  readonly maxPixels?: number | undefined;
  /** Bytes of the file. Defaults to 64 MiB. */
  readonly maxBytes?: number | undefined;
}

const MAX_PIXELS = 4096 * 4096;
const MAX_BYTES = 64 * 2 ** 20;

/** Throws when a file is longer than allowed. */
export function checkBytes(length: number, limits: ImageLimits): void {
  const allowed = limits.maxBytes ?? MAX_BYTES;
  if (length > allowed) {
    throw new RangeError(
      `Cannot read an image file of ${length} bytes: at most ${allowed} are allowed; ` +
        "give a smaller one, or raise the option maxBytes",
    );
  }
}

/**
 * An image from the bytes of a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF (its first frame or page),
 * turned upright by the orientation in its EXIF or XMP. Its size is read from the header first, so that
 * a small file with a huge image is refused before it takes memory. 16-bit samples give their upper 8
 * bits.
 *
 * @param bytes The file.
 * @param limits What is refused.
 * @throws {SyntaxError} for another format, or a file that is broken or cut off.
 * @throws {RangeError} for a file or an image above the limits.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { decodeImage, DenoiseImage } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const file = await new DenoiseImage(2, 1, 1, Uint8Array.of(7, 9)).encode("png");
 * assertEquals([...(await decodeImage(file)).data], [7, 9]);
 * ```
 */
export async function decodeImage(
  bytes: Uint8Array,
  limits: ImageLimits = {},
): Promise<DenoiseImage> {
  checkBytes(bytes.length, limits);
  const header = readHeader(bytes);
  const { width, height } = header;
  const allowed = limits.maxPixels ?? MAX_PIXELS;
  if (width < 1 || height < 1) {
    throw new SyntaxError(`Cannot read the image: its header says ${width}x${height}`);
  }
  const pixels = Math.max(width * height, header.maxPixels ?? 0);
  if (pixels > allowed) {
    throw new RangeError(
      `Cannot read an image of ${width}x${height}, ${pixels} pixels: at most ${allowed} ` +
        "are allowed; give a smaller one, or raise the option maxPixels",
    );
  }
  return orient(await decode(bytes, header), await readOrientation(bytes, header.format));
}

/**
 * An image from a file.
 *
 * @param path Where the file lies.
 * @param limits What is refused.
 * @throws {DenoiseError} `missing_file` when there is no such file.
 * @throws {SyntaxError} for another format, or a file that is broken or cut off.
 * @throws {RangeError} for a file or an image above the limits.
 * @category Images and audio
 *
 * @example
 * ```ts ignore
 * import { openImage } from "@denoise/denoise";
 *
 * const photo = await openImage("photo.jpg");
 * console.log(photo.width, photo.height);
 * ```
 */
export async function openImage(
  path: string | URL,
  limits: ImageLimits = {},
): Promise<DenoiseImage> {
  const bytes = await readFileWithin(path, (length) => checkBytes(length, limits));
  return await decodeImage(bytes, limits);
}
