/**
 * Messages on a byte stream: JSON, and the bytes in it raw behind it.
 *
 *     length of the JSON: uint32  JSON  bytes of each array
 *
 * In the JSON an array of bytes stands as `{"$bytes": length}`. Numbers are little-endian.
 *
 * @module
 */

/** Far above what a message takes; more means that something else is on the stream. */
const MAX_BYTES = 2 ** 30;

/** A message as bytes. */
export function encodeFrame(message: unknown): Uint8Array[] {
  const arrays: Uint8Array[] = [];
  const json = JSON.stringify(message, (_key, value: unknown) => {
    if (typeof value === "bigint") return value.toString();
    if (!(value instanceof Uint8Array)) return value;
    arrays.push(value);
    return { $bytes: value.byteLength };
  });
  const text = new TextEncoder().encode(json);
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, text.length, true);
  return [head, text, ...arrays];
}

/** Reads messages until the stream ends. */
export async function* decodeFrames(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<unknown, void, void> {
  const bytes = new ByteReader(stream);
  for (let head = await bytes.read(4); head !== undefined; head = await bytes.read(4)) {
    const text = await bytes.read(new DataView(head.buffer).getUint32(0, true));
    if (text === undefined) return;
    const message = JSON.parse(new TextDecoder().decode(text));
    if (!await fill(message, bytes)) return;
    yield message;
  }
}

/** Puts the arrays in their places, in the order in which JSON names them. */
async function fill(value: unknown, bytes: ByteReader): Promise<boolean> {
  if (typeof value !== "object" || value === null) return true;
  const holder = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(holder)) {
    const length = (item as { $bytes?: unknown } | null)?.$bytes;
    if (typeof length !== "number") {
      if (!await fill(item, bytes)) return false;
      continue;
    }
    const array = await bytes.read(length);
    if (array === undefined) return false;
    holder[key] = array;
  }
  return true;
}

class ByteReader {
  readonly #source: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#source = stream.getReader();
  }

  /** So many bytes in a buffer of their own; undefined when the stream ends before. */
  async read(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (length > MAX_BYTES) {
      throw new RangeError(`Cannot read a message of ${length} bytes: the stream is broken`);
    }
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#source.read();
        if (done) return undefined;
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return bytes;
  }
}
