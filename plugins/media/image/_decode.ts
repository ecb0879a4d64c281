import { type Header, jpegSegments } from "./_header.ts";
import { pngChunks } from "./_png_chunks.ts";
import { concat } from "./_bytes.ts";
import { gifDecoder, type GifFrame, jpegDecoder, pngDecoder } from "./_imagescript.ts";
import { paste } from "./_paste.ts";
import { DenoiseImage } from "./image.ts";

/** Decoded pixels, always RGBA. */
interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** PNG of any kind to RGBA. */
async function pngToRgba(bytes: Uint8Array): Promise<Rgba> {
  const { width, height, framebuffer } = (await pngDecoder()).decode(bytes);
  return { width, height, data: framebuffer };
}

/** CMYK as stored by Adobe's programs, inverted, to RGBA. */
async function cmykToRgba(bytes: Uint8Array): Promise<Rgba> {
  const { width, height, buffer } = (await jpegDecoder()).decode(bytes);
  const data = new Uint8Array(buffer.length).fill(255);
  for (let i = 0; i < buffer.length; i += 4) {
    const light = 255 - buffer[i + 3]!;
    for (let c = 0; c < 3; c++) data[i + c] = Math.round((255 - buffer[i + c]!) * light / 255);
  }
  return { width, height, data };
}

/** libjpeg, whose complaints become the message of the error instead of lines on the console. */
async function decodeByLibjpeg(bytes: Uint8Array): Promise<ImageData> {
  const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
  const complaints: string[] = [];
  const collect = (line: string): void => void complaints.push(line);
  await init({ print: collect, printErr: collect });
  try {
    return await decode(bufferOf(bytes));
  } catch (cause) {
    throw new Error(complaints.at(-1) ?? "it does not decode", { cause });
  }
}

/** A copy in a buffer of its own, which the WebAssembly decoders ask for. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

function toRgba(image: { width: number; height: number; data: ArrayLike<number> }): Rgba {
  return { ...sizeOf(image), data: Uint8Array.from(image.data) };
}

function sizeOf(image: { width: number; height: number }): { width: number; height: number } {
  return { width: image.width, height: image.height };
}

function withChannels(image: Rgba, channels: number): DenoiseImage {
  const { width, height, data } = image;
  if (channels === 4) return new DenoiseImage(width, height, 4, data);
  const out = new Uint8Array(width * height * channels);
  for (let i = 0, at = 0; i < data.length; i += 4) {
    for (let c = 0; c < channels; c++) out[at++] = data[i + c]!;
  }
  return new DenoiseImage(width, height, channels, out);
}

/**
 * Only the chunks that make pixels are given to the decoder: text and colour profiles could unpack
 * to any size. One transparent colour (tRNS of grey and RGB) is left out, as Pillow's modes do.
 */
async function decodePng(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const isPalette = bytes[25] === 3;
  const kept = ["IHDR", "PLTE", "IDAT", "IEND", ...(isPalette ? ["tRNS"] : [])];
  const chunks = [...pngChunks(bytes)].filter(({ type }) => kept.includes(type));
  const hasAlpha = chunks.some(({ type }) => type === "tRNS");
  const parts = chunks.map(({ start, end }) => bytes.subarray(start, end));
  const rgba = await pngToRgba(concat([bytes.subarray(0, 8), ...parts]));
  return withChannels(rgba, hasAlpha ? 4 : header.channels);
}

/** Grey and colour as libjpeg decodes them, like Pillow; CMYK by another decoder, within 1 of it. */
async function decodeJpeg(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const scan = [...jpegSegments(bytes)].find(({ marker }) => marker === 0xda);
  const isWhole = scan !== undefined &&
    bytes.subarray(scan.end).some((byte, i, rest) => byte === 0xff && rest[i + 1] === 0xd9);
  if (!isWhole) {
    throw new SyntaxError(`Cannot read the JPEG: it is cut off after ${bytes.length} bytes`);
  }
  if (header.channels === 4) return withChannels(await cmykToRgba(bytes), 3);
  return withChannels(toRgba(await decodeByLibjpeg(bytes)), header.channels === 1 ? 1 : 3);
}

async function decodeWebp(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const { default: decode } = await import("@jsquash/webp/decode.js");
  return withChannels(toRgba(await decode(bufferOf(bytes))), header.channels);
}

/** Where the first frame's graphic control has its flags, and where its descriptor is. */
function gifFrame(bytes: Uint8Array): { flags: number | undefined; descriptor: number } {
  const tableSize = (flags: number): number => flags & 0x80 ? 3 << (flags & 7) + 1 : 0;
  let flags: number | undefined;
  for (let at = 13 + tableSize(bytes[10]!); at < bytes.length;) {
    if (bytes[at] === 0x2c) return { flags, descriptor: at };
    if (bytes[at] !== 0x21) break;
    if (bytes[at + 1] === 0xf9) flags = at + 3;
    for (at += 2; at < bytes.length && bytes[at] !== 0; at += bytes[at]! + 1);
    at++;
  }
  throw new SyntaxError("Cannot read the GIF: it has no frame");
}

/** A frame in its place on the image, which is clear around it. */
function onCanvas(frame: GifFrame, { width, height }: Header): Rgba {
  const canvas = { width, height, channels: 4, data: new Uint8Array(width * height * 4) };
  paste(canvas, { ...sizeOf(frame), channels: 4, data: frame.buffer }, frame.x, frame.y);
  return canvas;
}

/**
 * The first frame. The decoder makes transparent pixels black, so the colours come from the frame
 * without transparency, as in Pillow, and alpha from the frame with it.
 */
async function decodeGif(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const { flags, descriptor } = gifFrame(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (descriptor + 10 > bytes.length) throw new SyntaxError("Cannot read the GIF: it is cut off");
  const right = view.getUint16(descriptor + 1, true) + view.getUint16(descriptor + 5, true);
  const bottom = view.getUint16(descriptor + 3, true) + view.getUint16(descriptor + 7, true);
  if (right > header.width || bottom > header.height) {
    throw new SyntaxError(
      `Cannot read the GIF: its first frame ends at ${right}x${bottom}, outside the image of ` +
        `${header.width}x${header.height}`,
    );
  }
  const firstFrame = async (gif: Uint8Array): Promise<Rgba> => {
    const { Decoder } = await gifDecoder();
    const frame = new Decoder(gif).frame();
    if (frame === null) throw new SyntaxError("Cannot read the GIF: it has no frame");
    return onCanvas(frame, header);
  };
  if (flags === undefined || !(bytes[flags]! & 1)) return withChannels(await firstFrame(bytes), 3);
  const opaque = bytes.slice();
  opaque[flags]! &= ~1;
  const colours = await firstFrame(opaque);
  const shape = await firstFrame(bytes);
  for (let i = 3; i < shape.data.length; i += 4) colours.data[i] = shape.data[i]!;
  return withChannels(colours, 4);
}

const DECODERS: {
  readonly [format in Header["format"]]: (b: Uint8Array, h: Header) => Promise<DenoiseImage>;
} = { png: decodePng, jpeg: decodeJpeg, webp: decodeWebp, gif: decodeGif };

/**
 * Decodes a file whose header was read.
 *
 * @throws {SyntaxError} when it is broken or cut off.
 */
export async function decode(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  let image: DenoiseImage;
  try {
    image = await DECODERS[header.format](bytes, header);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw cause;
    const name = { png: "PNG", jpeg: "JPEG", webp: "WebP", gif: "GIF" }[header.format];
    const isTrap = cause instanceof WebAssembly.RuntimeError || !(cause instanceof Error);
    const reason = isTrap ? "" : ` (${cause.message})`;
    throw new SyntaxError(`Cannot read the ${name}: it is broken${reason}`, { cause });
  }
  if (image.width !== header.width || image.height !== header.height) {
    throw new SyntaxError(
      `Cannot read the image: its header says ${header.width}x${header.height}, but it holds ` +
        `${image.width}x${image.height}`,
    );
  }
  return image;
}
