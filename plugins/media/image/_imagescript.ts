/**
 * The WebAssembly decoders of imagescript. Its main module is not used: it loads native code, which
 * asks for more permissions, and stamps the time into what it writes.
 * Nothing of it is loaded before it is used, since it reads an environment variable then.
 */
interface PngDecoder {
  decode(bytes: Uint8Array): { width: number; height: number; framebuffer: Uint8Array };
}

interface JpegDecoder {
  /** Samples as stored: 4 a pixel for CMYK. */
  decode(bytes: Uint8Array): { width: number; height: number; buffer: Uint8Array };
}

/** One frame of a GIF, RGBA, and where it lies on the image. */
export interface GifFrame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly buffer: Uint8Array;
}

interface GifDecoder {
  Decoder: new (bytes: Uint8Array) => { frame(): GifFrame | null };
}

/** A decoder of PNG, in memory of its own. */
export async function pngDecoder(): Promise<PngDecoder> {
  return await (await import("imagescript/wasm/node/png.js")).default.init();
}

/** A decoder of JPEG, in memory of its own. */
export async function jpegDecoder(): Promise<JpegDecoder> {
  return await (await import("imagescript/wasm/node/jpeg.js")).default.init();
}

/** A decoder of GIF, in memory of its own. */
export async function gifDecoder(): Promise<GifDecoder> {
  return await (await import("imagescript/wasm/node/gif.js")).default.init();
}
