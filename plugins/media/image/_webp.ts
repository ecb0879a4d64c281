import { concat, startsWith, viewOf } from "./_bytes.ts";

/** One chunk of a WebP. */
export interface WebpChunk {
  readonly type: string;
  readonly data: Uint8Array;
}

/** The chunks of a WebP, or those inside of one, as far as they are whole. */
export function* webpChunks(bytes: Uint8Array, start = 12): Generator<WebpChunk, void> {
  const view = viewOf(bytes);
  for (let at = start; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > bytes.length) return;
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    yield { type, data: bytes.subarray(at + 8, at + 8 + length) };
    at += 8 + length + length % 2;
  }
}

/** Width, height and alpha that an image of VP8 or VP8L says. */
export function bitstreamOf(
  { type, data }: WebpChunk,
): { width: number; height: number; hasAlpha: boolean } | undefined {
  const view = viewOf(data);
  if (type === "VP8L" && data.length >= 5) {
    const bits = view.getUint32(1, true);
    const [width, height] = [(bits & 0x3fff) + 1, (bits >>> 14 & 0x3fff) + 1];
    return { width, height, hasAlpha: (bits >>> 28 & 1) === 1 };
  }
  if (type === "VP8 " && data.length >= 10) {
    const [width, height] = [view.getUint16(6, true) & 0x3fff, view.getUint16(8, true) & 0x3fff];
    return { width, height, hasAlpha: false };
  }
  return undefined;
}

/** The first frame of an animation. */
export interface WebpFrame {
  /** Where it lies on the image, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Its size in pixels. */
  readonly width: number;
  readonly height: number;
  /** A WebP of it alone. */
  readonly file: Uint8Array;
}

function uint24(data: Uint8Array, at: number): number {
  return data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16;
}

function chunk({ type, data }: WebpChunk): Uint8Array {
  const out = new Uint8Array(8 + data.length + data.length % 2);
  for (let i = 0; i < 4; i++) out[i] = type.charCodeAt(i);
  viewOf(out).setUint32(4, data.length, true);
  out.set(data, 8);
  return out;
}

/** The first frame of an animated WebP; undefined where none is whole. */
export function firstWebpFrame(bytes: Uint8Array): WebpFrame | undefined {
  const frame = webpChunks(bytes).find(({ type }) => type === "ANMF")?.data;
  if (frame === undefined || frame.length < 16) return undefined;
  const parts = [...webpChunks(frame, 16)].filter(({ type }) => /^(ALPH|VP8[ L])$/.test(type));
  const [width, height] = [uint24(frame, 6) + 1, uint24(frame, 9) + 1];
  const extended = new Uint8Array(10);
  extended[0] = parts.some(({ type }) => type !== "VP8 ") ? 0x10 : 0;
  extended.set(frame.subarray(6, 12), 4);
  const body = concat([{ type: "VP8X", data: extended }, ...parts].map(chunk));
  const start = new TextEncoder().encode("RIFF\0\0\0\0WEBP");
  viewOf(start).setUint32(4, body.length + 4, true);
  const place = { x: 2 * uint24(frame, 0), y: 2 * uint24(frame, 3) };
  return { ...place, width, height, file: concat([start, body]) };
}

/** Whether the bytes start as a WebP does. */
export function isWebp(bytes: Uint8Array): boolean {
  return startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8);
}
