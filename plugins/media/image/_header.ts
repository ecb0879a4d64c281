import { isAvif, readAvif } from "./_avif.ts";
import { isBmp, readBmp } from "./_bmp.ts";
import { startsWith } from "./_bytes.ts";
import { gifFrame } from "./_gif.ts";
import { isTiff } from "./_ifd.ts";
import { jpegFrame } from "./_jpeg_segments.ts";
import { isPng } from "./_png_chunks.ts";
import { readTiff } from "./_tiff.ts";
import { bitstreamOf, firstWebpFrame, isWebp, webpChunks } from "./_webp.ts";

/** The formats that are read, and their names. */
export const FORMATS = {
  png: "PNG",
  jpeg: "JPEG",
  webp: "WebP",
  gif: "GIF",
  bmp: "BMP",
  tiff: "TIFF",
  avif: "AVIF",
} as const;

/** What a file says about its image before anything is decoded. */
export interface Header {
  readonly format: keyof typeof FORMATS;
  readonly width: number;
  readonly height: number;
  /** Samples of a pixel, as the file stores or (for a palette) means them. */
  readonly channels: number;
  /** The most pixels that decoding makes on the way, where that can be more than the image has. */
  readonly maxPixels?: number | undefined;
}

/** Other formats, to say what was found. */
const OTHERS: readonly (readonly [name: string, start: string, at: number])[] = [
  ["HEIC", "ftyphei", 4],
  ["HEIC", "ftypmif1", 4],
  ["JPEG XL", "JXL ", 4],
  ["JPEG XL", "\xff\x0a", 0],
  ["JPEG 2000", "jP  ", 4],
  ["ICO", "\0\0\x01\0", 0],
  ["ICNS", "icns", 0],
  ["DDS", "DDS ", 0],
  ["QOI", "qoif", 0],
  ["SGI", "\x01\xda", 0],
  ["PCX", "\n\x05\x01", 0],
  ...["P1", "P2", "P3", "P4", "P5", "P6"].map((start) => ["PBM, PGM or PPM", start, 0] as const),
  ["an MP4 video", "ftyp", 4],
  ["a WebM or Matroska video", "\x1a\x45\xdf\xa3", 0],
  ["PSD", "8BPS", 0],
  ["PDF", "%PDF", 0],
  ["SVG or HTML", "<", 0],
];

function cutOff(format: string, bytes: Uint8Array): SyntaxError {
  return new SyntaxError(
    `Cannot read the ${format}: it is cut off after ${bytes.length} bytes`,
  );
}

function pngHeader(bytes: Uint8Array, view: DataView): Header {
  if (bytes.length < 33) throw cutOff("PNG", bytes);
  if (!startsWith(bytes, "IHDR", 12)) throw new SyntaxError("Cannot read the PNG: it has no IHDR");
  const channels = { 0: 1, 2: 3, 3: 3, 4: 4, 6: 4 }[bytes[25]!];
  if (channels === undefined) {
    throw new SyntaxError(`Cannot read the PNG: it has the unknown colour type ${bytes[25]}`);
  }
  return { format: "png", width: view.getUint32(16), height: view.getUint32(20), channels };
}

function jpegHeader(bytes: Uint8Array): Header {
  const frame = jpegFrame(bytes);
  if (frame === undefined) throw cutOff("JPEG", bytes);
  return { format: "jpeg", ...frame };
}

/** Still or animated; the image inside may be of another size than the file says around it. */
function webpHeader(bytes: Uint8Array): Header {
  if (bytes.length < 30) throw cutOff("WebP", bytes);
  const chunks = [...webpChunks(bytes)];
  const [first] = chunks;
  const still = chunks.map(bitstreamOf).find((found) => found !== undefined);
  if (first?.type === "VP8X") {
    const { data } = first;
    const uint24 = (at: number): number => data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16;
    const frame = firstWebpFrame(bytes);
    const inner = still ??
      (frame && webpChunks(frame.file).map(bitstreamOf).find((found) => found !== undefined));
    if (inner === undefined) throw cutOff("WebP", bytes);
    const [width, height] = [uint24(4) + 1, uint24(7) + 1];
    if (frame !== undefined && (frame.x + frame.width > width || frame.y + frame.height > height)) {
      throw new SyntaxError(
        `Cannot read the WebP: its first frame ends outside the image of ${width}x${height}`,
      );
    }
    const hasAlpha = (data[0]! & 0x10) !== 0;
    const maxPixels = inner.width * inner.height;
    return { format: "webp", width, height, channels: hasAlpha ? 4 : 3, maxPixels };
  }
  if (first === undefined) throw cutOff("WebP", bytes);
  if (still === undefined) {
    throw new SyntaxError("Cannot read the WebP: it starts with an unknown chunk");
  }
  const { width, height, hasAlpha } = still;
  return { format: "webp", width, height, channels: hasAlpha ? 4 : 3 };
}

/** As in Pillow, a first frame that ends outside of the image makes it larger. */
function gifHeader(bytes: Uint8Array, view: DataView): Header {
  if (bytes.length < 13) throw cutOff("GIF", bytes);
  const { x, y, width, height } = gifFrame(bytes);
  const [screenWidth, screenHeight] = [view.getUint16(6, true), view.getUint16(8, true)];
  return {
    format: "gif",
    width: Math.max(screenWidth, x + width),
    height: Math.max(screenHeight, y + height),
    channels: 3,
  };
}

function describeStart(bytes: Uint8Array): string {
  const known = OTHERS.find(([_, start, at]) => startsWith(bytes, start, at));
  if (known !== undefined) return `it looks like ${known[0]}`;
  if (bytes.length === 0) return "it is empty";
  const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  return `it starts with the bytes ${start.join(" ")}`;
}

/**
 * Reads format and size from the first bytes of a file.
 *
 * @throws {SyntaxError} for an unknown format, or a header that is cut off or makes no sense.
 */
export function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isPng(bytes)) return pngHeader(bytes, view);
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return jpegHeader(bytes);
  if (isWebp(bytes)) return webpHeader(bytes);
  if (startsWith(bytes, "GIF87a") || startsWith(bytes, "GIF89a")) return gifHeader(bytes, view);
  if (isBmp(bytes)) return { format: "bmp", ...readBmp(bytes) };
  if (isTiff(bytes)) return { format: "tiff", ...readTiff(bytes) };
  if (isAvif(bytes)) return { format: "avif", ...readAvif(bytes) };
  const names = Object.values(FORMATS);
  throw new SyntaxError(
    `Cannot read the image: it must be ${names.slice(0, -1).join(", ")} or ${names.at(-1)}, but ` +
      describeStart(bytes),
  );
}
