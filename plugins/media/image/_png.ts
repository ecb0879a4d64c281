import { zlibSync } from "fflate";
import { concat } from "./_bytes.ts";
import type { Pixels } from "./pixels.ts";

/** The eight bytes that every PNG starts with. */
export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const COLOR_TYPE: { readonly [channels: number]: number } = { 1: 0, 3: 2, 4: 6 };

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** One chunk: length, type, data, CRC of type and data. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(12 + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

/**
 * A keyword and its text: tEXt when Latin-1 can hold it, else iTXt (UTF-8, not compressed), as
 * Pillow's `PngInfo.add_text` does.
 */
export function pngText(keyword: string, text: string): Uint8Array {
  const key = Uint8Array.from(keyword, (char) => char.charCodeAt(0));
  // deno-lint-ignore no-control-regex
  if (/^[\x01-\xff]*$/.test(text)) {
    const latin1 = Uint8Array.from(text, (char) => char.charCodeAt(0));
    return pngChunk("tEXt", concat([key, new Uint8Array(1), latin1]));
  }
  return pngChunk("iTXt", concat([key, new Uint8Array(5), new TextEncoder().encode(text)]));
}

function paeth(a: number, b: number, c: number): number {
  const pa = Math.abs(b - c);
  const pb = Math.abs(a - c);
  const pc = Math.abs(a + b - 2 * c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Each row under the filter whose differences have the least sum (PNG specification, 12.7). */
function filterRows(data: Uint8Array, height: number, stride: number, bpp: number): Uint8Array {
  const filtered = new Uint8Array((stride + 1) * height);
  const trial = Array.from({ length: 5 }, () => new Uint8Array(stride));
  const [none, sub, up, average, byPaeth] = trial as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  for (let y = 0; y < height; y++) {
    const row = y * stride;
    for (let x = 0; x < stride; x++) {
      const value = data[row + x]!;
      const a = x >= bpp ? data[row + x - bpp]! : 0;
      const b = y > 0 ? data[row + x - stride]! : 0;
      const c = x >= bpp && y > 0 ? data[row + x - stride - bpp]! : 0;
      none[x] = value;
      sub[x] = value - a;
      up[x] = value - b;
      average[x] = value - ((a + b) >> 1);
      byPaeth[x] = value - paeth(a, b, c);
    }
    let best = 0;
    let least = Infinity;
    for (let filter = 0; filter < 5; filter++) {
      let sum = 0;
      for (const value of trial[filter]!) sum += value < 128 ? value : 256 - value;
      if (sum < least) [best, least] = [filter, sum];
    }
    filtered[y * (stride + 1)] = best;
    filtered.set(trial[best]!, y * (stride + 1) + 1);
  }
  return filtered;
}

/** Samples of 16 bits as PNG has them, the high byte first. */
function bytesOf(samples: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  samples.forEach((value, i) => view.setUint16(2 * i, value));
  return bytes;
}

/**
 * A PNG of 8 bits a sample, grey, RGB or RGBA, or grey of 16. It holds nothing but the pixels and the given
 * texts, so that the same image always is the same bytes.
 */
export function encodePng(
  image: Pixels & { readonly samples?: Uint16Array | undefined },
  texts: readonly (readonly [keyword: string, text: string])[] = [],
): Uint8Array {
  const { width, height, samples } = image;
  const [bits, channels, data] = samples === undefined
    ? [8, image.channels, image.data]
    : [16, 1, bytesOf(samples)];
  const size = channels * bits / 8;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([bits, COLOR_TYPE[channels]!, 0, 0, 0], 8);
  return concat([
    Uint8Array.from(PNG_SIGNATURE),
    pngChunk("IHDR", header),
    ...texts.map(([keyword, text]) => pngText(keyword, text)),
    pngChunk("IDAT", zlibSync(filterRows(data, height, width * size, size), { level: 6 })),
    pngChunk("IEND", new Uint8Array()),
  ]);
}
