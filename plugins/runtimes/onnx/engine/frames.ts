/**
 * Messages on a byte stream: JSON with the ArrayBuffers in it as raw bytes behind it.
 *
 *     "DNZ1"  length of the JSON: uint32  JSON  bytes of each buffer
 *
 * In the JSON a buffer stands as `{"$bytes": 16}`. Numbers are little-endian.
 *
 * @module
 */

const MAGIC = 0x315a4e44; // "DNZ1"
/** Far above what a session's inputs and outputs take. */
const MAX_JSON = 64 * 2 ** 20;
const MAX_BUFFER = 4 * 2 ** 30;

interface Placeholder {
  readonly $bytes: number;
}

/** The parts of a message, to be written one after another. */
export function encodeFrame(message: unknown): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  const json = JSON.stringify(message, (_key, value: unknown) => {
    if (!(value instanceof ArrayBuffer)) return value;
    buffers.push(new Uint8Array(value));
    return { $bytes: value.byteLength } satisfies Placeholder;
  });
  const text = new TextEncoder().encode(json);
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, MAGIC, true);
  head.setUint32(4, text.length, true);
  return [new Uint8Array(head.buffer), text, ...buffers];
}

function isPlaceholder(value: unknown): value is Placeholder {
  return typeof value === "object" && value !== null && "$bytes" in value;
}

/** Reads messages until the stream ends between two of them. */
export async function* decodeFrames(stream: ReadableStream<Uint8Array>): AsyncIterable<unknown> {
  const read = reader(stream);
  while (true) {
    const start = await read(8, true);
    if (start === undefined) return;
    const head = new DataView(start.buffer);
    const length = head.getUint32(4, true);
    if (head.getUint32(0, true) !== MAGIC || length > MAX_JSON) {
      throw new SyntaxError("Cannot read a message: the stream holds something else");
    }
    const text = new TextDecoder().decode(await read(length));
    const places: { holder: Record<string, unknown>; key: string; place: Placeholder }[] = [];
    const message: unknown = JSON.parse(text, function (this: Record<string, unknown>, key, value) {
      if (isPlaceholder(value)) places.push({ holder: this, key, place: value });
      return value;
    });
    for (const { holder, key, place } of places) {
      if (!(Number.isInteger(place.$bytes) && place.$bytes >= 0 && place.$bytes <= MAX_BUFFER)) {
        throw new SyntaxError("Cannot read a message: it holds a buffer of impossible size");
      }
      holder[key] = (await read(place.$bytes))!.buffer;
    }
    yield message;
  }
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
        if (done) throw new SyntaxError("Cannot read a message: the stream ended within it");
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
