import { readdir, realpath, rename, rm, writeFile } from "node:fs/promises";
import { joinPath, type SaveOptions, type TorchDtype } from "@denoise/core";
import { shardBytes } from "./save_options.ts";
import { encodeBfloat16 } from "./bfloat16.ts";
import type { StoredDType } from "./dtypes.ts";
import { openSafetensors } from "./open.ts";
import { readBytes, readTensor, type StoredTensor } from "./stored_tensor.ts";
import { byteLength, type TensorToWrite, writeIncomplete } from "./write.ts";

const FLOATS: readonly StoredDType[] = [
  "float32",
  "float16",
  "bfloat16",
  "float64",
  "float8_e4m3fn",
  "float8_e5m2",
];

/** Where and how a checkpoint is written. */
export interface SaveTarget extends Pick<SaveOptions, "maxShardSize" | "variant"> {
  /** The folder, which is there. */
  readonly folder: string;
  /** What the files' names begin with. */
  readonly stem: string;
  /** The type of each tensor of floats. */
  readonly dtypeOf: (name: string) => TorchDtype;
}

/**
 * Writes a checkpoint as a safetensors file, or several with an index where it is larger than one may
 * be, as diffusers does; one tensor in memory at a time. The files appear when all are complete, so
 * those that are in use may be written again; what an earlier save left under the same names goes.
 *
 * @returns Where the tensors lie now, when a file that they were read from was written again.
 */
export async function saveWeights(
  tensors: Iterable<readonly [string, StoredTensor]>,
  { folder, stem, dtypeOf, maxShardSize, variant }: SaveTarget,
): Promise<Map<string, StoredTensor> | undefined> {
  const read = new Set<string>();
  const entries = Array.from(tensors, ([name, stored]) => {
    if (!(stored.data instanceof Uint8Array)) read.add(stored.data.file);
    const dtype = dtypeOf(name);
    const isNumbers = FLOATS.includes(stored.dtype);
    const converts = stored.scale !== undefined || stored.blocks !== undefined ||
      (isNumbers && stored.dtype !== dtype);
    return {
      name,
      dtype: converts ? dtype : stored.dtype,
      dims: stored.dims,
      bytes: () => converts ? bytesAs(stored, dtype) : readBytes(stored),
    };
  });
  const names = namesOf(stem, variant);
  const shards = splitIntoShards(entries, shardBytes(maxShardSize));
  const files = shards.map((_, i) => names.file(i, shards.length));
  const incomplete: string[] = [];
  for (const [i, shard] of shards.entries()) {
    incomplete.push(await writeIncomplete(joinPath(folder, files[i]!), shard, { format: "pt" }));
  }
  for (const [i, path] of incomplete.entries()) {
    await rename(path, joinPath(folder, files[i]!));
  }
  if (shards.length > 1) {
    await writeFile(joinPath(folder, names.index), indexOf(shards, files));
  }
  const written = new Set(shards.length > 1 ? [...files, names.index] : files);
  for (const name of await readdir(folder)) {
    if (written.has(name) || !names.are(name)) continue;
    const path = joinPath(folder, name);
    if (!read.has(await realpath(path))) await rm(path);
  }
  const opened = await Promise.all(files.map((file) => openSafetensors(joinPath(folder, file))));
  if (!opened.some(({ path }) => read.has(path))) return undefined;
  return new Map(opened.flatMap((file) => [...file.tensors]));
}

/** The names that the files of a save have. */
function namesOf(stem: string, variant: string | undefined) {
  const middle = variant === undefined ? "" : `.${variant}`;
  const single = `${stem}${middle}.safetensors`;
  const index = `${stem}.safetensors.index${middle}.json`;
  const digits = (n: number) => String(n).padStart(5, "0");
  return {
    index,
    file: (i: number, count: number) =>
      count === 1 ? single : `${stem}${middle}-${digits(i + 1)}-of-${digits(count)}.safetensors`,
    are: (name: string) =>
      name === single || name === index ||
      (name.startsWith(`${stem}${middle}-`) &&
        /^-\d{5}-of-\d{5}\.safetensors$/.test(name.slice(stem.length + middle.length))),
  };
}

/**
 * Tensors in their order, each file filled as far as it goes; one that is too large for any has a
 * file of its own (`split_state_dict_into_shards_factory` of huggingface_hub).
 */
function splitIntoShards(tensors: readonly TensorToWrite[], most: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [];
  let [open, filled]: [TensorToWrite[], number] = [[], 0];
  for (const tensor of tensors) {
    const size = byteLength(tensor);
    if (size > most) {
      shards.push([tensor]);
      continue;
    }
    if (filled + size > most) {
      shards.push(open);
      [open, filled] = [[], 0];
    }
    open.push(tensor);
    filled += size;
  }
  return open.length > 0 || shards.length === 0 ? [...shards, open] : shards;
}

/** The index as Python writes it, its keys in order. */
function indexOf(shards: readonly (readonly TensorToWrite[])[], files: readonly string[]): string {
  const total_size = shards.flat().reduce((sum, tensor) => sum + byteLength(tensor), 0);
  const places = shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i]!] as const));
  const weight_map = Object.fromEntries(places.toSorted(([a], [b]) => a < b ? -1 : 1));
  return JSON.stringify({ metadata: { total_size }, weight_map }, null, 2) + "\n";
}

/** The numbers of a stored tensor as bytes of a type. */
export async function bytesAs(stored: StoredTensor, dtype: TorchDtype): Promise<Uint8Array> {
  const tensor = await readTensor(stored);
  const encoded = dtype === "bfloat16"
    ? encodeBfloat16(tensor.toFloat32Array())
    : tensor.astype(dtype).data;
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}
