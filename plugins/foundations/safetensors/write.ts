import { open, rename } from "node:fs/promises";
import type { Tensor } from "@denoise/core";
import { writeAll } from "./file.ts";
import { itemSize, NAMES, type StoredDType } from "./dtypes.ts";

/** A tensor to be written, whose bytes are asked for when its turn comes. */
export interface TensorToWrite {
  /** Its name. */
  readonly name: string;
  /** The type of its elements. */
  readonly dtype: StoredDType;
  /** Its sizes. */
  readonly dims: readonly number[];
  /** Gives its bytes, as many as type and sizes say. */
  readonly bytes: () => Promise<Uint8Array>;
}

/** Writes a safetensors file, one tensor in memory at a time; it appears under its name when it is complete. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await rename(await writeIncomplete(path, tensors, metadata), path);
}

/** Writes a safetensors file beside its place, and gives the name that it has there. */
export async function writeIncomplete(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<string> {
  const order = tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const incomplete = `${path}.incomplete`;
  await using file = await open(incomplete, "w");
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
  return dims.reduce((product, dim) => product * dim, itemSize(dtype));
}

/**
 * Writes tensors in memory as a safetensors file.
 *
 * @param metadata The texts under `__metadata__`. Defaults to `{ format: "pt" }`.
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const entries = Object.entries(tensors).map(([name, { dtype, dims, data }]) => ({
    name,
    dtype,
    dims,
    bytes: () => Promise.resolve(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  }));
  await writeSafetensors(path, entries, metadata);
}
