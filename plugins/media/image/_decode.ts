import { decodeBmp, readBmp } from "./_bmp.ts";
import { concat, startsWith } from "./_bytes.ts";
import { gifFrame } from "./_gif.ts";
import { FORMATS, type Header } from "./_header.ts";
import { gifDecoder, jpegDecoder, pngDecoder } from "./_imagescript.ts";
import { jpegSegments } from "./_jpeg_segments.ts";
import { bufferOf, decodeByLibjpeg } from "./_libjpeg.ts";
import { paste } from "./_paste.ts";
import { pngChunk } from "./_png.ts";
import { pngChunks } from "./_png_chunks.ts";
import { decodeTiff, readTiff } from "./_tiff.ts";
import { prepare } from "./_wasm.ts";
import { firstWebpFrame } from "./_webp.ts";
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

/** Adobe's segment, by which the samples are CMYK as they are. */
const ADOBE = Uint8Array.of(0xff, 0xee, 0, 14, 65, 100, 111, 98, 101, 0, 100, 0, 0, 0, 0, 0);

/**
 * CMYK as stored by Adobe's programs, inverted, to RGBA. A file that does not say that it comes from
 * there is taken so, too, as Pillow does; the decoder wants it said.
 */
async function cmykToRgba(bytes: Uint8Array): Promise<Rgba> {
  const isAdobe = jpegSegments(bytes).some(({ marker, data }) =>
    marker === 0xee && startsWith(data, "Adobe") && data.length >= 12
  );
  const file = isAdobe ? bytes : concat([bytes.subarray(0, 2), ADOBE, bytes.subarray(2)]);
  const { width, height, buffer } = (await jpegDecoder()).decode(file);
  const data = new Uint8Array(buffer.length).fill(255);
  for (let i = 0; i < buffer.length; i += 4) {
    const light = 255 - buffer[i + 3]!;
    for (let c = 0; c < 3; c++) data[i + c] = Math.round((255 - buffer[i + c]!) * light / 255);
  }
  return { width, height, data };
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
  const parts = chunks.filter(({ type }) => type !== "IDAT" && type !== "IEND")
    .map(({ start, end }) => bytes.subarray(start, end));
  const pixels = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  // the sums over the pixels are made again: Pillow does not look at them, and decoders do
  const end = [pngChunk("IDAT", concat(pixels)), pngChunk("IEND", new Uint8Array())];
  const rgba = await pngToRgba(concat([bytes.subarray(0, 8), ...parts, ...end]));
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

/** A still image, or the first frame of an animation in its place on the image. */
async function decodeWebp(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const { default: decode, init } = await import("@jsquash/webp/decode.js");
  await prepare(init, "@jsquash/webp/codec/dec/webp_dec.wasm");
  const frame = firstWebpFrame(bytes);
  const decoded = toRgba(await decode(bufferOf(frame?.file ?? bytes)));
  if (frame === undefined) return withChannels(decoded, header.channels);
  return withChannels(onCanvas({ ...frame, ...decoded }, header), header.channels);
}

async function decodeAvif(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const { default: decode, init } = await import("@jsquash/avif/decode.js");
  await prepare(init, "@jsquash/avif/codec/dec/avif_dec.wasm");
  const decoded = await decode(bufferOf(bytes));
  if (decoded === null) throw new Error("it does not decode");
  return withChannels(toRgba(decoded), header.channels);
}

/** Pixels, and where they lie on the image. */
interface Placed extends Rgba {
  readonly x: number;
  readonly y: number;
}

/** A frame in its place on the image, which is clear around it. */
function onCanvas(frame: Placed, { width, height }: Header): Rgba {
  const canvas = { width, height, channels: 4, data: new Uint8Array(width * height * 4) };
  paste(canvas, { ...sizeOf(frame), channels: 4, data: frame.data }, frame.x, frame.y);
  return canvas;
}

/**
 * The first frame. The decoder makes transparent pixels black, so the colours come from the frame
 * without transparency, as in Pillow, and alpha from the frame with it.
 */
async function decodeGif(bytes: Uint8Array, header: Header): Promise<DenoiseImage> {
  const { flags, x, y, background } = gifFrame(bytes);
  const firstFrame = async (gif: Uint8Array): Promise<Rgba> => {
    const { Decoder } = await gifDecoder();
    const frame = new Decoder(gif).frame();
    if (frame === null) throw new SyntaxError("Cannot read the GIF: it has no frame");
    return onCanvas({ x, y, ...sizeOf(frame), data: frame.buffer }, header);
  };
  const isOpaque = flags === undefined || !(bytes[flags]! & 1);
  const opaque = bytes.slice();
  if (!isOpaque) opaque[flags]! &= ~1;
  const colours = await firstFrame(opaque);
  for (let i = 0; i < colours.data.length; i += 4) {
    if (colours.data[i + 3] === 0) colours.data.set(background, i);
  }
  if (isOpaque) return withChannels(colours, 3);
  const shape = await firstFrame(bytes);
  for (let i = 3; i < shape.data.length; i += 4) colours.data[i] = shape.data[i]!;
  return withChannels(colours, 4);
}

const DECODERS: {
  readonly [format in Header["format"]]: (b: Uint8Array, h: Header) => Promise<DenoiseImage>;
} = {
  png: decodePng,
  jpeg: decodeJpeg,
  webp: decodeWebp,
  gif: decodeGif,
  bmp: (bytes) => Promise.resolve(decodeBmp(bytes, readBmp(bytes))),
  tiff: (bytes) => decodeTiff(bytes, readTiff(bytes)),
  avif: decodeAvif,
};

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
    const isTrap = cause instanceof WebAssembly.RuntimeError || !(cause instanceof Error);
    const reason = isTrap ? "" : ` (${cause.message})`;
    throw new SyntaxError(`Cannot read the ${FORMATS[header.format]}: it is broken${reason}`, {
      cause,
    });
  }
  if (image.width !== header.width || image.height !== header.height) {
    throw new SyntaxError(
      `Cannot read the image: its header says ${header.width}x${header.height}, but it holds ` +
        `${image.width}x${image.height}`,
    );
  }
  return image;
}
