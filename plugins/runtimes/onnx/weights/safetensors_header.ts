import { DenoiseError } from "@denoise/core";

/** What a safetensors header says of one tensor. */
export interface TensorInfo {
  /** The format's own name of the type, such as `"BF16"`. */
  readonly dtype: string;
  /** Its sizes. */
  readonly shape: readonly number[];
  /** Where its bytes start and end, counted from the end of the header. */
  readonly offsets: readonly [number, number];
}

/** A header that has passed every check. */
export interface SafetensorsHeader {
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The texts under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The longest header that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bits of an element. */
const BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

type Refuse = (problem: string) => DenoiseError;

function refusing(path: string): Refuse {
  return (problem) =>
    new DenoiseError("invalid_safetensors", `Cannot read ${JSON.stringify(path)}: ${problem}`);
}

/**
 * The length of the header, from the first 8 bytes of a file.
 *
 * @throws {DenoiseError} `invalid_safetensors`.
 */
export function headerLength(first: Uint8Array, fileSize: number, path: string): number {
  const refuse = refusing(path);
  if (first.length < 8) {
    throw refuse(`it has ${fileSize} bytes, and a safetensors file starts with 8 for its length`);
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw refuse(`its header claims ${length} bytes; at most ${MAX_HEADER_BYTES} are allowed`);
  }
  if (8 + Number(length) > fileSize) {
    throw refuse(`its header claims ${length} bytes, but the file has ${fileSize}`);
  }
  return Number(length);
}

/**
 * Reads a header, believing nothing: https://github.com/huggingface/safetensors#format
 *
 * @param bytes The header alone.
 * @param bufferSize How many bytes follow it in the file.
 * @throws {DenoiseError} `invalid_safetensors`.
 */
export function parseHeader(
  bytes: Uint8Array,
  bufferSize: number,
  path: string,
): SafetensorsHeader {
  const refuse = refusing(path);
  const { __metadata__: metadata = {}, ...entries } = parseJson(bytes, refuse);
  if (!isObject(metadata) || Object.values(metadata).some((text) => typeof text !== "string")) {
    throw refuse("its __metadata__ must map names to texts");
  }
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(entries)) {
    tensors.set(name, readInfo(name, entry, refuse));
  }
  assertContiguous(tensors, bufferSize, refuse);
  return { tensors, metadata: metadata as Record<string, string> };
}

function parseJson(bytes: Uint8Array, refuse: Refuse): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw refuse('its header does not start with "{"');
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refuse("its header is not valid UTF-8");
  }
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw refuse("its header is not valid JSON");
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw refuse(`its header has the key ${repeated} twice`);
  return header as Record<string, unknown>;
}

/** The first key, with its quotes, that an object in a valid JSON text has twice. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  const token = /[{}]|("(?:[^"\\]|\\.)*")\s*(:)?/g;
  for (const [symbol, text, colon] of json.matchAll(token)) {
    if (symbol === "{") open.push(new Set());
    else if (symbol === "}") open.pop();
    else if (colon !== undefined) {
      const keys = open.at(-1)!;
      const key = JSON.parse(text!) as string;
      if (keys.has(key)) return text;
      keys.add(key);
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readInfo(name: string, entry: unknown, refuse: Refuse): TensorInfo {
  const tensor = `tensor ${JSON.stringify(name)}`;
  if (!isObject(entry)) throw refuse(`${tensor} must have dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(BITS, dtype)) {
    throw refuse(`${tensor} has the unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw refuse(`the shape of ${tensor} must be whole numbers, but is ${JSON.stringify(shape)}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw refuse(`data_offsets of ${tensor} must be two whole numbers`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw refuse(`${tensor} ends at ${end}, before it begins at ${begin}`);
  const bits = shape.reduce((product, size) => product * BigInt(size), BigInt(BITS[dtype]!));
  if (bits > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw refuse(`the shape [${shape}] of ${tensor} is too large to be counted`);
  }
  if (bits !== 8n * BigInt(end - begin)) {
    throw refuse(
      `${tensor} is ${dtype} [${shape.join(", ")}], which takes ${Number(bits) / 8} bytes, ` +
        `but has ${end - begin}`,
    );
  }
  return { dtype, shape, offsets: [begin, end] };
}

function assertContiguous(
  tensors: ReadonlyMap<string, TensorInfo>,
  bufferSize: number,
  refuse: Refuse,
): void {
  const order = [...tensors].sort(([, a], [, b]) =>
    a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]
  );
  let place = 0;
  for (const [name, { offsets: [begin, end] }] of order) {
    const tensor = `tensor ${JSON.stringify(name)}`;
    if (begin > place) throw refuse(`there is a hole of ${begin - place} bytes before ${tensor}`);
    if (begin < place) throw refuse(`${tensor} overlaps another by ${place - begin} bytes`);
    place = end;
  }
  if (place !== bufferSize) {
    throw refuse(`its tensors end at byte ${place} of the ${bufferSize} that follow the header`);
  }
}
