import { concat, startsWith, viewOf } from "./_bytes.ts";
import { DenoiseImage } from "./image.ts";

/** Where the samples of a pixel lie in its bytes; "X" is unused. */
type Layout =
  | "RGB;15"
  | "RGB;16"
  | "BGR"
  | "BGRX"
  | "XBGR"
  | "BGXR"
  | "ABGR"
  | "RGBA"
  | "BGRA"
  | "BGAR";

/** What a BMP says about its image. */
export interface BmpHeader {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** 1, 4 or 8 for a palette; 16, 24 or 32. */
  readonly bits: number;
  /** 0 none, 1 runs of bytes, 2 runs of half bytes, 3 none but masks of colours. */
  readonly compression: number;
  /** Whether the first row is the top one. */
  readonly isTopDown: boolean;
  /** Red, green and blue of each index. */
  readonly palette: Uint8Array | undefined;
  /** How pixels of 16 bits and more lie. */
  readonly layout: Layout | undefined;
  /** Where the pixels begin. */
  readonly offset: number;
  /** 1 (grey), 3 or 4. */
  readonly channels: number;
}

/** Layouts by bits and masks: those that Pillow reads. */
const LAYOUTS: Readonly<Record<string, Layout>> = {
  "32 ff0000 ff00 ff 0": "BGRX",
  "32 ff000000 ff0000 ff00 0": "XBGR",
  "32 ff000000 ff00 ff 0": "BGXR",
  "32 ff000000 ff0000 ff00 ff": "ABGR",
  "32 ff ff00 ff0000 ff000000": "RGBA",
  "32 ff0000 ff00 ff ff000000": "BGRA",
  "32 ff000000 ff00 ff ff0000": "BGAR",
  "32 0 0 0 0": "BGRA",
  "24 ff0000 ff00 ff": "BGR",
  "16 f800 7e0 1f": "RGB;16",
  "16 7c00 3e0 1f": "RGB;15",
};

/** Layouts without masks. */
const PLAIN: Readonly<Record<number, Layout>> = { 16: "RGB;15", 24: "BGR", 32: "BGRX" };

/** Whether the bytes start as a BMP does. */
export function isBmp(bytes: Uint8Array): boolean {
  return startsWith(bytes, "BM");
}

function unknown(what: string): SyntaxError {
  return new SyntaxError(`Cannot read the BMP: ${what}, which is not supported`);
}

/** @throws {SyntaxError} when it is cut off, or of a kind that is not read. */
export function readBmp(bytes: Uint8Array): BmpHeader {
  const view = viewOf(bytes);
  if (bytes.length < 26) throw cutOff(bytes);
  const size = view.getUint32(14, true);
  const isOld = size === 12;
  if (!isOld && ![40, 52, 56, 64, 108, 124].includes(size)) {
    throw unknown(`its header is ${size} bytes`);
  }
  if (bytes.length < 14 + size) throw cutOff(bytes);
  const height = isOld ? view.getUint16(20, true) : view.getInt32(22, true);
  const width = isOld ? view.getUint16(18, true) : view.getInt32(18, true);
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const compression = isOld ? 0 : view.getUint32(30, true);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw unknown(`it has ${bits} bits a pixel`);
  if (compression > 3) throw unknown(`its compression is ${compression} (JPEG or PNG)`);
  let after = 14 + size;
  const masks = compression !== 3 ? [] : Array.from({ length: size >= 56 ? 4 : 3 }, (_, i) => {
    if (54 + 4 * i + 4 > bytes.length) throw cutOff(bytes);
    return view.getUint32(54 + 4 * i, true);
  });
  if (compression === 3 && size === 40) after += 12;
  if (bits === 32 && masks.length === 3) masks.push(0);
  const key = [bits, ...masks.slice(0, bits === 32 ? 4 : 3).map((mask) => mask.toString(16))]
    .join(" ");
  const layout = compression === 3 ? LAYOUTS[key] : PLAIN[bits];
  if (compression === 3 && layout === undefined) throw unknown(`its masks are ${key}`);
  const count = (isOld ? 0 : view.getUint32(46, true)) || 2 ** bits;
  const entry = isOld ? 3 : 4;
  const palette = bits > 8 ? undefined : paletteOf(bytes, after, entry, count);
  const named = view.getUint32(10, true);
  const offset = named === 14 + size && bits <= 8 ? named + entry * count : named || after;
  const channels = palette !== undefined
    ? (isGrey(palette, count) ? 1 : 3)
    : layout!.includes("A")
    ? 4
    : 3;
  return {
    width,
    height: Math.abs(height),
    bits,
    compression,
    isTopDown: height < 0,
    palette,
    layout,
    offset,
    channels,
  };
}

function cutOff(bytes: Uint8Array): SyntaxError {
  return new SyntaxError(`Cannot read the BMP: it is cut off after ${bytes.length} bytes`);
}

function paletteOf(bytes: Uint8Array, start: number, entry: number, count: number): Uint8Array {
  if (count > 65536) throw unknown(`its palette has ${count} colours`);
  if (start + entry * count > bytes.length) throw cutOff(bytes);
  const palette = new Uint8Array(256 * 3);
  for (let i = 0; i < Math.min(count, 256); i++) {
    for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes[start + entry * i + 2 - c]!;
  }
  return palette;
}

/** Whether a palette is black and white, or every index its own grey. */
function isGrey(palette: Uint8Array, count: number): boolean {
  const greys = count === 2 ? [0, 255] : Array.from({ length: Math.min(count, 256) }, (_, i) => i);
  return greys.every((grey, i) => [0, 1, 2].every((c) => palette[3 * i + c] === grey));
}

/** The indexes of a palette, from the bottom row up or as the file has them. */
function indexesOf(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits, compression, offset } = header;
  if (compression === 1 || compression === 2) return unrun(bytes, header);
  const stride = 4 * Math.ceil(width * bits / 32);
  if (offset + stride * height > bytes.length) throw cutOff(bytes);
  const indexes = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const bit = x * bits;
      const byte = bytes[offset + y * stride + (bit >> 3)]!;
      indexes[at] = byte >> 8 - bits - bit % 8 & 2 ** bits - 1;
    }
  }
  return indexes;
}

/** Unpacks runs, as Pillow does: what would pass the end of a row is left out. */
function unrun(bytes: Uint8Array, { width, height, compression, offset }: BmpHeader): Uint8Array {
  const isHalf = compression === 2;
  const out = new Uint8Array(width * height);
  const halves = (byte: number, i: number): number => isHalf ? i % 2 ? byte & 15 : byte >> 4 : byte;
  let [at, filled, x] = [offset, 0, 0];
  while (filled < out.length) {
    const [count, value] = [bytes[at], bytes[at + 1]];
    if (count === undefined || value === undefined) throw cutOff(bytes);
    at += 2;
    if (count > 0) {
      const run = Math.max(0, Math.min(count, width - x));
      for (let i = 0; i < run; i++) out[filled++] = halves(value, i);
      x += run;
    } else if (value === 0) {
      filled = Math.ceil(filled / width) * width;
      x = 0;
    } else if (value === 1) {
      throw cutOff(bytes);
    } else if (value === 2) {
      filled += bytes[at]! + bytes[at + 1]! * width;
      at += 2;
      x = filled % width;
    } else {
      const run = Math.min(value, out.length - filled);
      const length = isHalf ? Math.ceil(run / 2) : run;
      if (at + length > bytes.length) throw cutOff(bytes);
      for (let i = 0; i < run; i++) {
        out[filled++] = halves(bytes[at + (isHalf ? i >> 1 : i)]!, i);
      }
      x += value;
      at += length;
      at += at % 2;
    }
  }
  return out;
}

/** Red, green, blue and maybe alpha of a pixel. */
function sampler(
  layout: Layout,
  view: DataView,
): (at: number, out: Uint8Array, to: number) => void {
  if (layout === "RGB;15" || layout === "RGB;16") {
    const [bits, top] = layout === "RGB;15" ? [5, 31] : [6, 63];
    return (at, out, to) => {
      const pixel = view.getUint16(at, true);
      out[to] = Math.trunc((pixel >> 5 + bits & 31) * 255 / 31);
      out[to + 1] = Math.trunc((pixel >> 5 & top) * 255 / top);
      out[to + 2] = Math.trunc((pixel & 31) * 255 / 31);
    };
  }
  const places = [..."RGBA"].map((sample) => layout.indexOf(sample)).filter((place) => place >= 0);
  return (at, out, to) => {
    for (const [i, place] of places.entries()) out[to + i] = view.getUint8(at + place);
  };
}

/**
 * Decodes a BMP to the pixels that Pillow gives.
 *
 * @throws {SyntaxError} when it is cut off.
 */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): DenoiseImage {
  const { width, height, bits, palette, layout, offset, channels } = header;
  const rows: Uint8Array[] = [];
  if (palette !== undefined) {
    const indexes = indexesOf(bytes, header);
    for (let y = 0; y < height; y++) {
      const row = new Uint8Array(width * channels);
      for (let x = 0; x < width; x++) {
        const index = indexes[y * width + x]!;
        for (let c = 0; c < channels; c++) row[x * channels + c] = palette[3 * index + c]!;
      }
      rows.push(row);
    }
  } else {
    const stride = 4 * Math.ceil(width * bits / 32);
    if (offset + stride * height > bytes.length) throw cutOff(bytes);
    const take = sampler(layout!, viewOf(bytes));
    for (let y = 0; y < height; y++) {
      const row = new Uint8Array(width * channels);
      for (let x = 0; x < width; x++) take(offset + y * stride + x * bits / 8, row, x * channels);
      rows.push(row);
    }
  }
  return new DenoiseImage(
    width,
    height,
    channels,
    concat(header.isTopDown ? rows : rows.reverse()),
  );
}
