import { startsWith } from "./_bytes.ts";
import { PNG_SIGNATURE } from "./_png.ts";

/** One chunk of a PNG. */
export interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Where it starts (its length field), and where the next one does. */
  readonly start: number;
  readonly end: number;
}

/** Whether the bytes start as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * The chunks of a PNG up to IEND, or up to the end of a file that has all of its pixels and lacks the
 * rest, as Pillow takes it. CRCs are not looked at.
 *
 * @throws {SyntaxError} if it is no PNG, or ends before its pixels do.
 */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk, void> {
  if (!isPng(bytes)) throw new SyntaxError("Cannot read a PNG: the file does not start as one");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hasPixels = false;
  for (let start = 8, type = ""; type !== "IEND";) {
    hasPixels ||= type === "IDAT";
    const length = start + 12 <= bytes.length ? view.getUint32(start) : Infinity;
    const end = start + 12 + length;
    if (end > bytes.length) {
      if (hasPixels && !startsWith(bytes, "IDAT", start + 4)) return;
      throw new SyntaxError(
        `Cannot read a PNG: it is cut off after ${bytes.length} bytes, in the chunk at ${start}`,
      );
    }
    type = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
    yield { type, data: bytes.subarray(start + 8, end - 4), start, end };
    start = end;
  }
}
