import { isUtf8 } from "node:buffer";

/**
 * The text that bytes in UTF-8 are. A decoder that refuses what is none by itself takes three times as long,
 * which for the largest bodies is longer than others should wait.
 *
 * @throws {TypeError} when they are no UTF-8.
 */
export function utf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new TypeError("Cannot read a text: its bytes are no UTF-8");
  return new TextDecoder().decode(bytes);
}
