/**
 * Messages on a byte stream: JSON, and the bytes in it raw behind it.
 *
 *     "DNZ2"  length of the JSON: uint32  JSON  bytes, one piece after another
 *
 * The JSON is `[message, places]`; where the message holds bytes it has null, and `places` says of each
 * piece where that is, how long it is, and whether it is an ArrayBuffer or a Uint8Array. Numbers are
 * little-endian.
 *
 * @module
 */

const MAGIC = 0x325a4e44; // "DNZ2"
/** Far above what a message takes; more means that something else is on the stream. */
const MAX_JSON = 64 * 2 ** 20;
const MAX_BYTES = 4 * 2 ** 30;

/** Where bytes stand in a message: the keys that lead to them, and what they are. */
interface Place {
  readonly path: readonly (string | number)[];
  readonly length: number;
  readonly type: "buffer" | "array";
}

/** The stream ended in the middle of a message. */
export class BrokenOff extends SyntaxError {
  /** An error that says so. */
  constructor() {
    super("Cannot read a message: the stream ended within it");
  }
}

/**
 * A message as pieces to be written one after another. ArrayBuffers and Uint8Arrays come over as what
 * they are, integers of type bigint as text, everything else as JSON has it.
 */
export function encodeFrame(message: unknown): Uint8Array[] {
  const places: Place[] = [];
  const pieces: Uint8Array[] = [];
  const plain = withoutBytes(message, [], (piece, path, type) => {
    pieces.push(piece);
    places.push({ path, length: piece.byteLength, type });
    return null;
  });
  const text = new TextEncoder().encode(JSON.stringify([plain ?? null, places]));
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, MAGIC, true);
  head.setUint32(4, text.length, true);
  return [new Uint8Array(head.buffer), text, ...pieces];
}

type Found = (bytes: Uint8Array, path: Place["path"], type: Place["type"]) => null;

/** A copy of a value with null in the place of bytes. */
function withoutBytes(value: unknown, path: Place["path"], found: Found): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ArrayBuffer) return found(new Uint8Array(value), path, "buffer");
  if (value instanceof Uint8Array) return found(value, path, "array");
  if (Array.isArray(value)) {
    return value.map((item, i) => withoutBytes(item, [...path, i], found));
  }
  if ("toJSON" in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutBytes(item, [...path, key], found)]),
  );
}

/**
 * Reads messages until the stream ends between two of them.
 *
 * @throws {SyntaxError} when the stream holds something else, or ends within a message.
 */
export async function* decodeFrames(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<unknown, void, void> {
  const read = reader(stream);
  while (true) {
    const start = await read(8, true);
    if (start === undefined) return;
    const head = new DataView(start.buffer);
    const length = head.getUint32(4, true);
    if (head.getUint32(0, true) !== MAGIC || length > MAX_JSON) {
      throw new SyntaxError("Cannot read a message: the stream holds something else");
    }
    const root = JSON.parse(new TextDecoder().decode(await read(length)));
    if (!Array.isArray(root) || !Array.isArray(root[1])) {
      throw new SyntaxError("Cannot read a message: it does not say where its bytes are");
    }
    for (const { path, length, type } of root[1] as Place[]) {
      if (!(Number.isInteger(length) && length >= 0 && length <= MAX_BYTES)) {
        throw new SyntaxError("Cannot read a message: it holds bytes of impossible length");
      }
      const holder = holderOf(root, path);
      const bytes = (await read(length))!;
      holder[path.at(-1) ?? 0] = type === "buffer" ? bytes.buffer : bytes;
    }
    yield root[0];
  }
}

/** The object or list in which the last key of a path stands. */
function holderOf(root: unknown[], path: unknown): Record<string | number, unknown> {
  const keys = Array.isArray(path) ? [0, ...path] as (string | number)[] : [];
  let holder: unknown = root;
  for (const key of keys.slice(0, -1)) {
    holder = typeof holder === "object" && holder !== null && Object.hasOwn(holder, key)
      ? (holder as Record<string | number, unknown>)[key]
      : undefined;
  }
  const last = keys.at(-1);
  const isThere = typeof holder === "object" && holder !== null && last !== undefined &&
    Object.hasOwn(holder, last);
  if (isThere) return holder as Record<string | number, unknown>;
  throw new SyntaxError("Cannot read a message: it has no such place for its bytes");
}

/** Reads exactly so many bytes; undefined when the stream ends before the first and `mayEnd`. */
function reader(stream: ReadableStream<Uint8Array>) {
  const source = stream.getReader();
  let rest = new Uint8Array();
  return async (length: number, mayEnd = false): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (rest.length === 0) {
        const { value, done } = await source.read();
        if (done && mayEnd && filled === 0) return undefined;
        if (done) throw new BrokenOff();
        rest = value as Uint8Array<ArrayBuffer>;
      }
      const part = rest.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
    return bytes;
  };
}
