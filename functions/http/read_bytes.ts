import { ServeError } from "../contract/errors.ts";
import type { AppContext } from "./context.ts";

function tooLarge(maxBytes: number): ServeError {
  return new ServeError("payload_too_large", `The body can be ${maxBytes} bytes at most`);
}

/**
 * Reads a body, in as many pieces as it comes.
 *
 * @throws {ServeError} `payload_too_large` as soon as it is.
 */
export async function readBytes(
  c: AppContext,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(c.req.header("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  let bytes = new Uint8Array(Math.min(maxBytes, 64 * 1024));
  let length = 0;
  for await (const piece of c.req.raw.body ?? []) {
    const needed = length + piece.length;
    if (needed > maxBytes) throw tooLarge(maxBytes);
    if (needed > bytes.length) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * bytes.length)));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(piece, length);
    length = needed;
  }
  return bytes.subarray(0, length);
}
