import { DenoiseError } from "@denoise/core";
import { JsonReader } from "./_json.ts";

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

/** A header and its bytes. */
export interface StoredHeader extends SafetensorsHeader {
  /** The start of the file: the eight bytes that give the header's length, and the header. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The longest header that the format allows. */
const MAX_HEADER_BYTES = 100_000_000;
/** The first read: more than the header of most models. */
const FIRST_READ = 128 * 1024;

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
 * Reads the header of a file, and nothing else of it.
 *
 * @param read Gives the bytes from `start` to before `end`.
 * @param size How many bytes the file has.
 * @param path What messages call the file.
 * @throws {DenoiseError} `invalid_safetensors` naming what is wrong with the file.
 */
export async function readHeader(
  read: (start: number, end: number) => Promise<Uint8Array>,
  size: number,
  path: string,
): Promise<StoredHeader> {
  const first = await read(0, Math.min(FIRST_READ, size));
  const length = headerLength(first, size, path);
  const bytes = new Uint8Array(8 + length);
  bytes.set(first.subarray(0, bytes.length));
  if (bytes.length > first.length) {
    bytes.set(await read(first.length, bytes.length), first.length);
  }
  return { bytes, ...parseHeader(bytes.subarray(8), size - bytes.length, path) };
}

/** The length of the header, from the first 8 bytes of a file. */
function headerLength(first: Uint8Array, fileSize: number, path: string): number {
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
 * Reads a header, believing nothing: https://github.com/huggingface/safetensors#format. Of a tensor
 * that stands twice the last one counts, and members of a tensor that the format does not know are
 * passed over, as by the reference.
 *
 * @param bytes The header alone.
 * @param bufferSize How many bytes follow it in the file.
 * @param path What messages call the file.
 * @throws {DenoiseError} `invalid_safetensors`.
 */
export function parseHeader(
  bytes: Uint8Array,
  bufferSize: number,
  path: string,
): SafetensorsHeader {
  const refuse = refusing(path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse("its header is not valid UTF-8");
  }
  try {
    const header = readEntries(new JsonReader(text), refuse);
    assertContiguous(header.tensors, bufferSize, refuse);
    return header;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refuse(`its header is not valid JSON: ${error.message}`);
  }
}

function readEntries(json: JsonReader, refuse: Refuse): SafetensorsHeader {
  if (json.peek() !== "{") throw refuse('its header does not start with "{"');
  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> | undefined;
  json.object((name) => {
    if (name !== "__metadata__") tensors.set(name, readInfo(json, name, refuse));
    else if (metadata !== undefined) throw refuse('its header has the key "__metadata__" twice');
    else metadata = readMetadata(json, refuse);
  });
  json.end();
  return { tensors, metadata: metadata ?? {} };
}

function readMetadata(json: JsonReader, refuse: Refuse): Record<string, string> {
  const problem = "its __metadata__ must map names to texts";
  const texts = new Map<string, string>();
  if (json.peek() === "n") json.word();
  else if (json.peek() !== "{") throw refuse(problem);
  else {
    json.object((key) => {
      if (json.peek() !== '"') throw refuse(problem);
      texts.set(key, json.string());
    });
  }
  return Object.fromEntries(texts);
}

const MEMBERS = ["dtype", "shape", "data_offsets"] as const;

/** An entry: an object, or a list of its three members, which serde takes for a struct too. */
function readInfo(json: JsonReader, name: string, refuse: Refuse): TensorInfo {
  const tensor = `tensor ${JSON.stringify(name)}`;
  const found: { dtype?: string; shape?: bigint[]; data_offsets?: bigint[] } = {};
  const read = (member: string | undefined) => {
    if (member !== undefined && Object.hasOwn(found, member)) {
      throw refuse(`${tensor} has the key "${member}" twice`);
    }
    if (member === "dtype") found.dtype = readDtype(json, tensor, refuse);
    else if (member === "shape") found.shape = readSizes(json, `the shape of ${tensor}`, refuse);
    else if (member === "data_offsets") {
      found.data_offsets = readSizes(json, `data_offsets of ${tensor}`, refuse);
    } else json.skip();
  };
  let listed = 0;
  if (json.peek() === "{") json.object(read);
  else if (json.peek() === "[") json.array(() => read(MEMBERS[listed++]));
  const { dtype, shape, data_offsets: offsets } = found;
  if (dtype === undefined || shape === undefined || offsets === undefined || listed > 3) {
    throw refuse(`${tensor} must have dtype, shape and data_offsets`);
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length > 2) {
    throw refuse(`data_offsets of ${tensor} must be two whole numbers`);
  }
  assertSize(tensor, { dtype, shape, begin, end }, refuse);
  return { dtype, shape: shape.map(Number), offsets: [Number(begin), Number(end)] };
}

/** A name, also as serde takes it for an enum: `{"U8":null}`. */
function readDtype(json: JsonReader, tensor: string, refuse: Refuse): string {
  const problem = `${tensor} must have its dtype as a text`;
  const names: string[] = [];
  if (json.peek() === "{") {
    json.object((name) => {
      names.push(name);
      if (json.peek() !== "n") throw refuse(problem);
      json.word();
    });
  } else if (json.peek() === '"') names.push(json.string());
  const [dtype] = names;
  if (dtype === undefined || names.length > 1) throw refuse(problem);
  if (Object.hasOwn(BITS, dtype)) return dtype;
  throw refuse(`${tensor} has the unknown dtype ${JSON.stringify(dtype)}`);
}

/** Whole numbers of 64 bits; 1.0, 1e3 and -0 are none for the reference. */
function readSizes(json: JsonReader, what: string, refuse: Refuse): bigint[] {
  const problem = `${what} must be whole numbers`;
  if (json.peek() !== "[") throw refuse(problem);
  const sizes: bigint[] = [];
  json.array(() => {
    if (!/[-\d]/.test(json.peek())) throw refuse(problem);
    const number = json.number();
    if (!/^\d+$/.test(number) || BigInt(number) > MAX_SIZE) {
      throw refuse(`${problem}, but one is ${number}`);
    }
    sizes.push(BigInt(number));
  });
  return sizes;
}

const MAX_SIZE = 2n ** 64n - 1n;

function assertSize(
  tensor: string,
  { dtype, shape, begin, end }: { dtype: string; shape: bigint[]; begin: bigint; end: bigint },
  refuse: Refuse,
): void {
  if (begin > end) throw refuse(`${tensor} ends at ${end}, before it begins at ${begin}`);
  let bits = 1n;
  for (const factor of [...shape, BigInt(BITS[dtype]!)]) {
    bits *= factor;
    if (bits > MAX_SIZE) {
      throw refuse(`the shape [${shape}] of ${tensor} is too large to be counted`);
    }
  }
  if (bits === 8n * (end - begin)) return;
  throw refuse(
    `${tensor} is ${dtype} [${shape.join(", ")}], which takes ${Number(bits) / 8} bytes, ` +
      `but has ${end - begin}`,
  );
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
