import { viewOf } from "./_bytes.ts";

/** The first frame of a GIF. */
export interface GifFrame {
  /** Where its graphic control has its flags; undefined where it has none. */
  readonly flags: number | undefined;
  /** Where it lies on the image, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Its size in pixels. */
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of what lies around it: the clear index, or index 0. */
  readonly background: readonly number[];
}

/**
 * Finds the first frame of a GIF.
 *
 * @throws {SyntaxError} when there is none, or it is cut off.
 */
export function gifFrame(bytes: Uint8Array): GifFrame {
  const tableSize = (flags: number): number => flags & 0x80 ? 3 << (flags & 7) + 1 : 0;
  const view = viewOf(bytes);
  let flags: number | undefined;
  for (let at = 13 + tableSize(bytes[10]!); at < bytes.length;) {
    if (bytes[at] === 0x2c) {
      if (at + 10 > bytes.length) throw new SyntaxError("Cannot read the GIF: it is cut off");
      const [x, y, width, height] = [1, 3, 5, 7].map((place) => view.getUint16(at + place, true));
      const isClear = flags !== undefined && (bytes[flags]! & 1) === 1;
      const index = isClear ? bytes[flags! + 3]! : 0;
      const colour = (bytes[at + 9]! & 0x80 ? at + 10 : 13) + 3 * index;
      const background = [...bytes.subarray(colour, colour + 3)];
      return { flags, x: x!, y: y!, width: width!, height: height!, background };
    }
    if (bytes[at] !== 0x21) break;
    if (bytes[at + 1] === 0xf9) flags = at + 3;
    for (at += 2; at < bytes.length && bytes[at] !== 0; at += bytes[at]! + 1);
    at++;
  }
  throw new SyntaxError("Cannot read the GIF: it has no frame");
}
