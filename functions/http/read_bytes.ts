import { rest } from "../async/turn.ts";
import { ServeError } from "../contract/errors.ts";
import type { ByteAccount } from "../queue/byte_budget.ts";
import type { AppContext } from "./context.ts";

/**
 * Bytes after which it rests: those that have come already are read without a pause, and a fast sender
 * would keep everybody else waiting until its body is whole.
 */
const MOST_AT_ONCE = 512 * 1024;
/** What a piece costs beside its bytes, in bytes. */
const PIECE_COST = 256;

/** Bodies up to that size are read in one go. */
const SMALL = 64 * 1024;

function tooLarge(maxBytes: number): ServeError {
  return new ServeError("payload_too_large", `The body can be ${maxBytes} bytes at most`);
}

/**
 * The pieces of a body, as they come: a small one of known length whole. They count against the memory
 * that requests may take together.
 *
 * @throws {ServeError} `unsupported_media_type` for a packed body, `payload_too_large` as soon as it is, `overloaded`, and `canceled` when the
 * caller goes on the way.
 */
export async function* readPieces(
  c: AppContext,
  maxBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const packing = c.req.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (packing !== "identity") {
    throw new ServeError(
      "unsupported_media_type",
      `Cannot read a body packed with ${JSON.stringify(packing.slice(0, 40))}: send it as it is, ` +
        `without content-encoding`,
    );
  }
  const length = c.req.header("content-length");
  if (Number(length ?? 0) > maxBytes) {
    const reader = c.req.raw.body?.getReader();
    if (reader !== undefined) discard(reader);
    throw tooLarge(maxBytes);
  }
  try {
    if (length !== undefined && Number(length) <= SMALL) {
      const bytes = new Uint8Array(await c.req.raw.arrayBuffer());
      c.var.account?.take(bytes.length);
      if (bytes.length > maxBytes) throw tooLarge(maxBytes);
      yield bytes;
      return;
    }
    const reader = c.req.raw.body?.getReader();
    if (reader !== undefined) yield* piecesOf(reader, maxBytes, c.var.account);
  } catch (cause) {
    // a TypeError says that someone has read the body before
    if (cause instanceof ServeError || cause instanceof TypeError) throw cause;
    throw new ServeError("canceled", "The caller is gone", { cause });
  }
}

async function* piecesOf(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  account: ByteAccount | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const small = new SmallPieces();
  let isWhole = false;
  try {
    for (let length = 0, work = 0;;) {
      const { done, value: piece } = await reader.read();
      if (done) break;
      length += piece.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      account?.take(piece.length);
      for (let at = 0; at < piece.length; at += MOST_AT_ONCE) {
        const part = piece.subarray(at, at + MOST_AT_ONCE);
        work += part.length + PIECE_COST;
        if (work > MOST_AT_ONCE) {
          work = 0;
          await rest();
        }
        const joined = small.join(part);
        if (joined !== undefined) yield joined;
      }
    }
    isWhole = true;
    yield small.rest();
  } finally {
    if (!isWhole) discard(reader);
  }
}

/** Most that is read of what nobody wants. */
const MAX_DISCARDED = 64_000_000;

/**
 * Reads the rest of a refused body and drops it: a caller who still sends does not read the refusal
 * before, and would see only that the connection is gone.
 */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    for (let length = 0; length < MAX_DISCARDED;) {
      const { done, value } = await reader.read();
      if (done) return;
      length += value.length;
    }
    await reader.cancel();
  } catch {
    // the caller is gone
  }
}

/** Joins pieces to larger ones: millions of a byte each would cost more than the bytes. */
class SmallPieces {
  #joined = new Uint8Array(SMALL);
  #length = 0;

  /** Takes in a piece, and gives one that is large enough, if there is one now. */
  join(piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
    if (this.#length === 0 && piece.length >= SMALL) return piece;
    if (this.#length + piece.length > SMALL) {
      const both = new Uint8Array(this.#length + piece.length);
      both.set(this.#joined.subarray(0, this.#length));
      both.set(piece, this.#length);
      this.#length = 0;
      return both;
    }
    this.#joined.set(piece, this.#length);
    this.#length += piece.length;
    return undefined;
  }

  /** What is left. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.#joined.slice(0, this.#length);
  }
}

/**
 * Reads a whole body.
 *
 * @param look Sees each piece as it comes; what it throws ends the reading.
 * @throws {ServeError} as {@linkcode readPieces}.
 */
export async function readBytes(
  c: AppContext,
  maxBytes: number,
  look?: (piece: Uint8Array) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let length = 0;
  for await (const piece of readPieces(c, maxBytes)) {
    look?.(piece);
    const needed = length + piece.length;
    if (bytes === undefined) bytes = piece;
    else {
      if (needed > bytes.length) {
        const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * bytes.length)));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(piece, length);
    }
    length = needed;
  }
  return bytes?.subarray(0, length) ?? new Uint8Array();
}
