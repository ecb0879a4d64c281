import { ServeError } from "../contract/errors.ts";
import type { AppContext } from "./context.ts";

function tooLarge(maxBytes: number): ServeError {
  return new ServeError("payload_too_large", `The body can be ${maxBytes} bytes at most`);
}

/**
 * Reads a body: whole where its length is told before, else in as many pieces as it comes.
 *
 * @throws {ServeError} `payload_too_large` as soon as it is, `canceled` when the caller goes on the way.
 */
export async function readBytes(
  c: AppContext,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const told = c.req.header("content-length");
  if (Number(told ?? 0) > maxBytes) throw tooLarge(maxBytes);
  try {
    const bytes = told === undefined
      ? await readPieces(c, maxBytes)
      : new Uint8Array(await c.req.raw.arrayBuffer());
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  } catch (cause) {
    // a TypeError says that someone has read the body before
    if (cause instanceof ServeError || cause instanceof TypeError) throw cause;
    throw new ServeError("canceled", "The caller is gone", { cause });
  }
}

async function readPieces(c: AppContext, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
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
