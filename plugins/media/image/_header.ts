import { isPng } from "./_png_chunks.ts";

/** What a file says about its image before anything is decoded. */
export interface Header {
  readonly format: "png" | "jpeg" | "webp" | "gif";
  readonly width: number;
  readonly height: number;
  /** Samples of a pixel, as the file stores or (for a palette) means them. */
  readonly channels: number;
}

/** Other formats, to say what was found. */
const OTHERS: readonly (readonly [name: string, start: string, at: number])[] = [
  ["BMP", "BM", 0],
  ["TIFF", "II*\0", 0],
  ["TIFF", "MM\0*", 0],
  ["AVIF", "ftypavif", 4],
  ["HEIC", "ftyphei", 4],
  ["PDF", "%PDF", 0],
  ["SVG or HTML", "<", 0],
];

/** Whether the bytes at a place are those characters. */
export function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  return Array.from(text).every((char, i) => bytes[at + i] === char.charCodeAt(0));
}

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

/** The segments of a JPEG in front of its first scan. */
export function* jpegSegments(
  bytes: Uint8Array,
): Generator<{ marker: number; data: Uint8Array; end: number }, void> {
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1]!;
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const end = at + 2 + (bytes[at + 2]! << 8 | bytes[at + 3]!);
    yield { marker, data: bytes.subarray(at + 4, end), end };
    if (marker === 0xda || marker === 0xd9) return;
    at = end;
  }
}

function jpegHeader(bytes: Uint8Array): Header {
  for (const { marker, data } of jpegSegments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (!isFrame || data.length < 6) continue;
    const [height, width] = [data[1]! << 8 | data[2]!, data[3]! << 8 | data[4]!];
    return { format: "jpeg", width, height, channels: data[5]! };
  }
  throw cutOff("JPEG", bytes);
}

function webpHeader(bytes: Uint8Array, view: DataView): Header {
  if (bytes.length < 30) throw cutOff("WebP", bytes);
  if (startsWith(bytes, "VP8X", 12)) {
    const uint24 = (at: number): number => view.getUint16(at, true) | bytes[at + 2]! << 16;
    const hasAlpha = (bytes[20]! & 0x10) !== 0;
    if (bytes[20]! & 0x02) {
      throw new SyntaxError(
        "Cannot read the WebP: it is an animation; give a still WebP, PNG, JPEG or GIF",
      );
    }
    const [width, height] = [uint24(24) + 1, uint24(27) + 1];
    return { format: "webp", width, height, channels: hasAlpha ? 4 : 3 };
  }
  if (startsWith(bytes, "VP8L", 12)) {
    const bits = view.getUint32(21, true);
    const [width, height] = [(bits & 0x3fff) + 1, (bits >>> 14 & 0x3fff) + 1];
    return { format: "webp", width, height, channels: bits >>> 28 & 1 ? 4 : 3 };
  }
  if (startsWith(bytes, "VP8 ", 12)) {
    const [width, height] = [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
    return { format: "webp", width, height, channels: 3 };
  }
  throw new SyntaxError("Cannot read the WebP: it starts with an unknown chunk");
}

function gifHeader(bytes: Uint8Array, view: DataView): Header {
  if (bytes.length < 13) throw cutOff("GIF", bytes);
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  return { format: "gif", width, height, channels: 3 };
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
  if (startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8)) return webpHeader(bytes, view);
  if (startsWith(bytes, "GIF87a") || startsWith(bytes, "GIF89a")) return gifHeader(bytes, view);
  throw new SyntaxError(
    `Cannot read the image: it must be PNG, JPEG, WebP or GIF, but ${describeStart(bytes)}`,
  );
}
