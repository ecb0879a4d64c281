/**
 * Files of a zip archive by their names; their checksums are compared.
 *
 * @module
 */
import { unzipSync } from "fflate";

/** Reads an archive. */
export function unzip(bytes: Uint8Array): Record<string, Uint8Array> {
  return unzipSync(bytes);
}
