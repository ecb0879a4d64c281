import { ServeError } from "../contract/errors.ts";
import type { EncodedFile } from "../contract/job.ts";
import type { Store } from "./store.ts";

/** What file names of each media type end in. */
export const EXTENSIONS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "audio/wav": "wav",
};

/**
 * Stores a result under a name that cannot be guessed, unless it lies in the store already.
 *
 * @returns Its address.
 * @throws {ServeError} `storage_failed`, as when the disk is full.
 */
export async function storeResult(
  store: Store,
  { bytes, mediaType, key: known }: EncodedFile,
  base: string,
): Promise<string> {
  const random = crypto.getRandomValues(new Uint8Array(16)).toHex();
  if (known !== undefined) return await store.url(known, base);
  const key = `${random}.${EXTENSIONS[mediaType] ?? "bin"}`;
  try {
    await store.put(key, { bytes, mediaType });
    return await store.url(key, base);
  } catch (cause) {
    throw new ServeError(
      "storage_failed",
      "Cannot store the result; ask for it in the reply itself, or try again later",
      { cause },
    );
  }
}
