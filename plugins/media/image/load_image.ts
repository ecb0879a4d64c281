import { DenoiseError } from "@denoise/core";
import { concat } from "./_bytes.ts";
import { convert } from "./convert.ts";
import { checkBytes, decodeImage, type ImageLimits, openImage } from "./open_image.ts";
import type { DenoiseImage } from "./image.ts";

/** How {@linkcode loadImage} fetches. */
export interface LoadImageOptions extends ImageLimits {
  /** Cancels the download. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads a body up to the limit, whatever its header promised. */
async function readBody(response: Response, limits: ImageLimits): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    checkBytes(length, limits);
    parts.push(part);
  }
  return concat(parts);
}

async function download(address: string, options: LoadImageOptions): Promise<Uint8Array> {
  const shown = JSON.stringify(address.slice(0, 100));
  const unavailable = (reason: string, cause?: unknown): DenoiseError =>
    new DenoiseError("source_unavailable", `Cannot load ${shown}: ${reason}`, { cause });
  let response: Response;
  try {
    response = await fetch(address, options.signal ? { signal: options.signal } : {});
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw unavailable(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  }
  return await readBody(response, options);
}

/**
 * An image as RGB, turned upright, from a web address, a data URL or a path: `load_image` of
 * diffusers. It asks any address that it is given; a server that gets addresses from others has to
 * check them first.
 *
 * @param source `https://...`, `http://...`, `data:...` or a path.
 * @throws {DenoiseError} `source_unavailable` when the address cannot be fetched.
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
  const address = String(source);
  const image = /^(https?|data):/i.test(address)
    ? await decodeImage(await download(address, options), options)
    : await openImage(source, options);
  return convert(image, "RGB");
}
