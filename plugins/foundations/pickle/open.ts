import { type FileHandle, open } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import {
  itemSize,
  numberOfElements,
  openSafetensors,
  readRange,
  realPath,
  type StoredTensor,
} from "@denoise/safetensors";
import { unpickle } from "./machine.ts";
import { GLOBALS, type PickledStorage, PickledTensor, storageOf } from "./torch.ts";
import { placeOf, readZip } from "./zip.ts";

/** A file of torch: its tensors at their places, and what else it says. */
export interface PickleFile {
  /** Absolute path, with symbolic links resolved. */
  readonly path: string;
  /** Tensors by name; in dicts within dicts the names of both, with a dot between them. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts, numbers and truth values beside them, by name. Lists are passed over. */
  readonly values: ReadonlyMap<string, string | number | bigint | boolean | null>;
}

/** Where the bytes of storages begin, by their keys. */
type Places = ReadonlyMap<string, { readonly offset: number; readonly length: number }>;

/** What a file holds. */
interface Contents {
  /** Of its pickle. */
  readonly value: unknown;
  readonly places: Places;
}

/** The longest pickle that is believed; tensors take about 150 bytes each. */
const MOST = 2 ** 24;
/** The most names that a file may have. */
const MOST_NAMES = 200_000;
const MOST_DEPTH = 16;
/** How many times the file its tensors may be, which can share their numbers. */
const MOST_SHARED = 8;
const ZIP = 0x504b0304;
/** What a file without an archive begins with (`torch.serialization.MAGIC_NUMBER`). */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PICKLE = /\.(bin|ckpt|pt|pth|pkl)$/i;

/** Whether a file is called as those of torch are. */
export function isPickle(file: string): boolean {
  return PICKLE.test(file);
}

/**
 * Reads what a file of `torch.save` holds: an archive (torch 1.6 and later) or a row of pickles (before). Nothing in it
 * is run, and of tensors only their places are read.
 *
 * @throws {DenoiseError} `missing_file`, or `pickle_refused` for what is damaged or does more than describe tensors.
 */
export async function openPickle(path: string): Promise<PickleFile> {
  const real = await realPath(path);
  await using file = await open(real);
  const { size } = await file.stat();
  try {
    const { value, places } = await readFile(file, size);
    const source = { path: real, file, places, left: MOST_SHARED * size };
    return { path: real, ...await flatten(value, source) };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new DenoiseError(
      "pickle_refused",
      `Cannot read ${
        JSON.stringify(path)
      }: ${cause.message}. Of Python's pickles only those are read that hold ` +
        "tensors, numbers and texts, since others can run any code; convert the file to .safetensors",
      { cause },
    );
  }
}

/**
 * The tensors of a file, by its name: a safetensors file's, or those of a file of torch, under `state_dict` where it
 * has one.
 *
 * @throws {DenoiseError} as {@linkcode openPickle} and `openSafetensors` do.
 */
export async function openTensors(path: string): Promise<{
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}> {
  if (!isPickle(path)) return await openSafetensors(path);
  const { tensors } = await openPickle(path);
  const within = [...tensors].filter(([name]) => name.startsWith(STATE));
  if (within.length === 0) return { metadata: {}, tensors };
  return {
    metadata: {},
    tensors: new Map(within.map(([name, tensor]) => [name.slice(STATE.length), tensor])),
  };
}

const STATE = "state_dict.";

async function readFile(file: FileHandle, size: number): Promise<Contents> {
  const first = await readRange(file, 0, Math.min(4, size));
  const isZip = first.length === 4 && new DataView(first.buffer).getUint32(0) === ZIP;
  return isZip ? await readArchive(file, size) : await readRow(file, size);
}

async function readArchive(file: FileHandle, size: number): Promise<Contents> {
  const entries = await readZip(file, size);
  const name = [...entries.keys()].find((one) => /^[^/]+\/data\.pkl$/.test(one));
  if (name === undefined) {
    throw new SyntaxError("its archive has no data.pkl, so torch did not write it");
  }
  const root = name.slice(0, -"data.pkl".length);
  const bytesOf = async (entry: string, most: number) => {
    const { offset, length } = await placeOf(file, entries.get(entry)!, size);
    if (length > most) {
      throw new SyntaxError(`its ${entry} has ${length} bytes; at most ${most} are read`);
    }
    return await readRange(file, offset, offset + length);
  };
  const order = `${root}byteorder`;
  if (entries.has(order) && new TextDecoder().decode(await bytesOf(order, 16)) !== "little") {
    throw new SyntaxError("its numbers are not little-endian");
  }
  const storages = new Map<string, PickledStorage>();
  const { value } = unpickle(await bytesOf(name, MOST), {
    globals: GLOBALS,
    persistent: noting(storages),
  });
  const places = new Map<string, { offset: number; length: number }>();
  for (const key of storages.keys()) {
    const entry = entries.get(`${root}data/${key}`);
    if (entry === undefined) throw new SyntaxError(`it lacks the numbers ${JSON.stringify(key)}`);
    places.set(key, await placeOf(file, entry, size));
  }
  return { value, places };
}

/** Reads a row of pickles: a number, a version, the system, the value, the keys of its storages; then these. */
async function readRow(file: FileHandle, size: number): Promise<Contents> {
  const bytes = await readRange(file, 0, Math.min(MOST, size));
  const storages = new Map<string, PickledStorage>();
  const names = { globals: GLOBALS, persistent: noting(storages) };
  let at = 0;
  const next = () => {
    const { value, end } = unpickle(bytes.subarray(at), names);
    at += end;
    return value;
  };
  if (bytes[0] !== 0x80 || next() !== MAGIC) {
    throw new SyntaxError("it does not begin as files of torch do");
  }
  const [, system, value, keys] = [next(), next(), next(), next()];
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw new SyntaxError("its numbers are not little-endian");
  }
  const places = new Map<string, { offset: number; length: number }>();
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = storages.get(key as string);
    if (storage === undefined) throw new SyntaxError("its storages are not those of its tensors");
    const offset = at + 8; // after how many numbers it has
    if (offset + storage.length > size) {
      throw new SyntaxError("it ends in the middle of its numbers");
    }
    places.set(storage.key, { offset, length: storage.length });
    at = offset + storage.length;
  }
  return { value, places };
}

function noting(storages: Map<string, PickledStorage>): (id: unknown) => PickledStorage {
  return (id) => {
    const storage = storageOf(id);
    const known = storages.get(storage.key) ?? storage;
    if (known.length !== storage.length) {
      throw new SyntaxError(`its numbers ${JSON.stringify(storage.key)} have two lengths`);
    }
    storages.set(storage.key, known);
    return known;
  };
}

interface Source {
  readonly path: string;
  readonly file: FileHandle;
  readonly places: Places;
  /** How many bytes tensors may have yet, or be gathered from. */
  left: number;
}

/** The tensors and values of dicts within dicts, by their names. */
async function flatten(
  value: unknown,
  source: Source,
): Promise<Pick<PickleFile, "tensors" | "values">> {
  const tensors = new Map<string, StoredTensor>();
  const values = new Map<string, string | number | bigint | boolean | null>();
  let names = 0;
  const visit = async (item: unknown, name: string, depth: number): Promise<void> => {
    if (++names > MOST_NAMES || depth > MOST_DEPTH) {
      throw new SyntaxError(
        `it has more than ${MOST_NAMES} names, or dicts in each other more than ${MOST_DEPTH} deep`,
      );
    }
    if (item instanceof PickledTensor) tensors.set(name, await place(item, name, source));
    else if (item instanceof Map) {
      for (const [key, inner] of item) {
        await visit(inner, name === "" ? String(key) : `${name}.${key}`, depth + 1);
      }
    } else if (isPlain(item)) values.set(name, item);
  };
  await visit(value, "", 0);
  return { tensors, values };
}

function isPlain(item: unknown): item is string | number | bigint | boolean | null {
  return item === null || ["string", "number", "bigint", "boolean"].includes(typeof item);
}

/** A tensor at its place in the file; in memory where its numbers do not lie in order. */
async function place(
  { dtype, dims, strides, start, storage }: PickledTensor,
  name: string,
  source: Source,
): Promise<StoredTensor> {
  const { path, file, places } = source;
  const lies = places.get(storage.key);
  if (lies === undefined || lies.length < storage.length) {
    throw new SyntaxError(`it lacks numbers of the tensor ${JSON.stringify(name)}`);
  }
  const width = itemSize(dtype);
  const count = numberOfElements({ dims });
  const offset = lies.offset + start * width;
  const isInOrder = count === 0 ||
    dims.every((dim, axis) =>
      dim === 1 || strides[axis] === numberOfElements({ dims: dims.slice(axis + 1) })
    );
  source.left -= isInOrder ? count * width : storage.length;
  if (source.left < 0) {
    throw new SyntaxError(`its tensors are more than ${MOST_SHARED} times as large as the file`);
  }
  if (isInOrder) return { dtype, dims, data: { file: path, offset, length: count * width } };
  if (count * width > storage.length) {
    throw new SyntaxError(`its tensor ${JSON.stringify(name)} repeats numbers of its storage`);
  }
  const from = await readRange(file, lies.offset, lies.offset + storage.length);
  const data = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) {
    let [rest, at] = [i, start];
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += rest % dims[axis]! * strides[axis]!;
      rest = Math.floor(rest / dims[axis]!);
    }
    data.set(from.subarray(at * width, (at + 1) * width), i * width);
  }
  return { dtype, dims, data };
}
