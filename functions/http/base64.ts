import { invalid } from "../contract/errors.ts";

/** The bytes of a text in base64, or of a data URL; undefined where it is neither, or empty. */
export function bytesOf(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text.replace(/^data:[^,]{0,100},/, ""));
    return bytes.length === 0 ? undefined : bytes;
  } catch {
    return undefined;
  }
}

/**
 * The bytes of an image in base64, or of a data URL.
 *
 * @param field What the caller calls it.
 * @throws {ServeError} `invalid_input` for a text that is neither.
 */
export function imageOf(text: string, field: string): Uint8Array {
  const bytes = bytesOf(text);
  if (bytes !== undefined) return bytes;
  const hint = /^https?:/.test(text) ? "; addresses are not fetched by this server" : "";
  throw invalid(field, `${field} must be an image in base64${hint}`);
}
