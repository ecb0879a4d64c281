import { decodeBfloat16, DenoiseError, Tensor } from "@denoise/core";
import type { DType, StoredTensor } from "../graph/mod.ts";
import { headerLength, parseHeader } from "./safetensors_header.ts";

/** A safetensors file whose header was checked; its tensors stay where they are. */
export interface SafetensorsFile {
  /** Absolute path, with symbolic links resolved. */
  readonly path: string;
  /** The texts under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const DTYPES: Readonly<Record<string, DType>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  F64: "float64",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
  U8: "uint8",
  U16: "uint16",
  U32: "uint32",
  U64: "uint64",
  BOOL: "bool",
};

const NAMES = Object.fromEntries(Object.entries(DTYPES).map(([name, dtype]) => [dtype, name]));

async function readExactly(file: Deno.FsFile, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/**
 * Reads the header of a safetensors file, and nothing else of it.
 *
 * @throws {DenoiseError} `invalid_safetensors` naming what is wrong with the file, or
 *   `missing_file`.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const real = await realPath(path);
  using file = await Deno.open(real, { read: true });
  const { size } = await file.stat();
  const length = headerLength(await readExactly(file, 8), size, path);
  const start = 8 + length;
  const header = parseHeader(await readExactly(file, length), size - start, path);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, offsets: [begin, end] }] of header.tensors) {
    const known = DTYPES[dtype];
    if (known === undefined) {
      throw new DenoiseError(
        "unsupported_option",
        `Cannot read ${JSON.stringify(path)}: tensor ${JSON.stringify(name)} is ${dtype}; ` +
          `read are ${Object.keys(DTYPES).join(", ")}`,
      );
    }
    const data = { file: real, offset: start + begin, length: end - begin };
    tensors.set(name, { dtype: known, dims: shape, data });
  }
  return { path: real, metadata: header.metadata, tensors };
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new DenoiseError("missing_file", `Cannot read ${JSON.stringify(path)}: no such file`, {
      cause,
    });
  }
}

/** The bytes of a stored tensor. */
export async function readBytes(stored: StoredTensor): Promise<Uint8Array<ArrayBuffer>> {
  if (stored.data instanceof Uint8Array) return new Uint8Array(stored.data);
  using file = await Deno.open(stored.data.file, { read: true });
  await file.seek(stored.data.offset, Deno.SeekMode.Start);
  const bytes = await readExactly(file, stored.data.length);
  if (bytes.length === stored.data.length) return bytes;
  throw new DenoiseError(
    "invalid_safetensors",
    `Cannot read ${JSON.stringify(stored.data.file)}: it became shorter after it was opened`,
  );
}

/** A tensor in memory as one of a checkpoint; its numbers are copied. */
export function storedTensor({ dtype, dims, data }: Tensor): StoredTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { dtype, dims, data: bytes };
}

/** Equal parts of a tensor along its first axis; they lie where it lies. */
export function splitRows({ dtype, dims, data }: StoredTensor, parts: number): StoredTensor[] {
  const [all, ...others] = dims as [number, ...number[]];
  return Array.from({ length: parts }, (_, i) => {
    if (data instanceof Uint8Array) {
      const size = data.length / parts;
      const part = data.subarray(i * size, (i + 1) * size);
      return { dtype, dims: [all / parts, ...others], data: part };
    }
    const length = data.length / parts;
    const place = { file: data.file, offset: data.offset + i * length, length };
    return { dtype, dims: [all / parts, ...others], data: place };
  });
}

/** The values of a stored tensor; bfloat16 as float32. */
export async function readTensor(stored: StoredTensor): Promise<Tensor> {
  const { buffer } = await readBytes(stored);
  const { dtype, dims } = stored;
  switch (dtype) {
    case "float32":
      return new Tensor(dtype, new Float32Array(buffer), dims);
    case "float64":
      return new Tensor(dtype, new Float64Array(buffer), dims);
    case "float16":
      return new Tensor(dtype, new Uint16Array(buffer), dims);
    case "bfloat16":
      return new Tensor("float32", decodeBfloat16(new Uint16Array(buffer)), dims);
    case "int32":
      return new Tensor(dtype, new Int32Array(buffer), dims);
    case "int64":
      return new Tensor(dtype, new BigInt64Array(buffer), dims);
    case "uint8":
    case "bool":
      return new Tensor(dtype, new Uint8Array(buffer), dims);
    default:
      throw new TypeError(`Cannot read a tensor of ${dtype} into memory`);
  }
}

/** A tensor to be written, whose bytes are asked for when its turn comes. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly bytes: () => Promise<Uint8Array>;
}

/** Writes a safetensors file; it appears under its name when it is complete. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await Deno.rename(await writeIncomplete(path, tensors, metadata), path);
}

/** Writes a safetensors file beside its place, and gives the name that it has there. */
export async function writeIncomplete(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<string> {
  const order = tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const incomplete = `${path}.incomplete`;
  using file = await Deno.open(incomplete, { create: true, write: true, truncate: true });
  await writeAll(file, encodeHeader(order, metadata));
  for (const tensor of order) await writeAll(file, await tensor.bytes());
  return incomplete;
}

function encodeHeader(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let place = 0;
  const entries = tensors.map((tensor) => {
    const { name, dtype, dims } = tensor;
    const start = place;
    place += byteLength(tensor);
    return [name, { dtype: NAMES[dtype], shape: dims, data_offsets: [start, place] }] as const;
  });
  const json = JSON.stringify(Object.fromEntries([["__metadata__", metadata], ...entries]));
  const text = new TextEncoder().encode(json);
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20); // padded by spaces
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return header;
}

/** How many bytes a tensor takes in a file. */
export function byteLength({ dtype, dims }: Pick<TensorToWrite, "dtype" | "dims">): number {
  const each = dtype === "bool" ? 1 : Number(/\d+$/.exec(dtype)![0]) / 8;
  return dims.reduce((product, dim) => product * dim, each);
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
}
