import { Generator } from "@denoise/core";
import { DenoiseImage } from "./mod.ts";
import golden from "./testdata/goldens.json" with { type: "json" };

/** Pixels as the goldens hold them. */
export interface StoredPixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: string;
}

/** The goldens of scripts/reference/image_goldens.py. */
export { golden };

/** Bytes of base64. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.fromBase64(base64);
}

/** float32 numbers of base64. */
export function floatsOf(base64: string): Float32Array {
  return new Float32Array(bytesOf(base64).buffer as ArrayBuffer);
}

/** The image that stored pixels are. */
export function imageOf({ width, height, channels, data }: StoredPixels): DenoiseImage {
  return new DenoiseImage(width, height, channels, bytesOf(data));
}

/** An image that is drawn by torch's generator, as the goldens name it. */
export interface DrawnPixels {
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Whether its numbers are 0 and 255 alone. */
  readonly extreme: boolean;
}

/** The image that is meant. */
export function drawnImage({ seed, width, height, channels, extreme }: DrawnPixels): DenoiseImage {
  const drawn = [...Generator.manualSeed(seed).randint(0, 256, [height, width, channels]).data];
  const data = Uint8Array.from(drawn.map(Number), (n) => !extreme ? n : n > 127 ? 255 : 0);
  return new DenoiseImage(width, height, channels, data);
}

/** What the goldens keep of numbers of a file: every so manyth. */
export function keptOf<T extends Uint8Array | Float32Array>(numbers: T): T {
  return numbers.filter((_, i) => i % golden.every === 0) as T;
}

/** An image with other pixels for every seed. */
export function testImage(
  width: number,
  height: number,
  channels: number,
  seed = 1,
  recipe?: DenoiseImage["recipe"],
): DenoiseImage {
  let state = seed;
  const data = Uint8Array.from({ length: width * height * channels }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return new DenoiseImage(width, height, channels, data, { recipe });
}

/** The address of a file among the goldens. */
export function fileOf(name: string): URL {
  return new URL(`testdata/files/${name}`, import.meta.url);
}

/** The largest difference of two arrays of one length. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

/** How far the pixels of a file may be from Pillow's; all but a few are the same to the last bit. */
export function toleranceOf(name: string): number {
  // CMYK comes from another decoder than Pillow's, which rounds its cosines otherwise.
  if (name.startsWith("cmyk") && name.endsWith(".jpg")) return 1;
  // Pillow turns YCbCr to RGB by tables of six bits after the point.
  if (name === "ycc.tif") return 1;
  // libavif here turns YUV to RGB by its own code, Pillow's by libyuv; colours of half size are also
  // made whole by other filters at the edges.
  if (name.endsWith(".avif")) return name.startsWith("420") ? 8 : 1;
  return 0;
}
