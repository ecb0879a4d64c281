import { readSource } from "@denoise/files";
import { convert } from "./convert.ts";
import { checkBytes, decodeImage, type ImageLimits } from "./open_image.ts";
import type { DenoiseImage } from "./image.ts";

/** How {@linkcode loadImage} fetches. */
export interface LoadImageOptions extends ImageLimits {
  /** Cancels the download. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An image as RGB, turned upright, from a web address, a data URL or a path: `load_image` of
 * diffusers. It asks any address that it is given; a server that gets addresses from others has to
 * check them first.
 *
 * @param source `https://...`, `http://...`, `data:...` or a path.
 * @throws {DenoiseError} `source_unavailable` when the address cannot be fetched, `missing_file` when
 *   there is no such file.
 * @throws {SyntaxError} for another format, or a file that is broken or cut off.
 * @throws {RangeError} for a file or an image above the limits.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseImage, loadImage } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const png = await new DenoiseImage(1, 1, 1, Uint8Array.of(7)).encode("png");
 * const image = await loadImage(`data:image/png;base64,${png.toBase64()}`);
 * assertEquals([...image.data], [7, 7, 7]);
 * ```
 */
export async function loadImage(
  source: string | URL,
  options: LoadImageOptions = {},
): Promise<DenoiseImage> {
  const check = (length: number) => checkBytes(length, options);
  const bytes = await readSource(source, { check, signal: options.signal });
  return convert(await decodeImage(bytes, options), "RGB");
}
