import { encodeBfloat16, encodeFloat16, type Tensor, type TorchDtype } from "@denoise/core";
import type { DType, StoredTensor } from "../graph/mod.ts";
import { readBytes, readTensor, writeSafetensors } from "./safetensors.ts";

const FLOATS: readonly DType[] = ["float32", "float16", "bfloat16", "float64"];

/**
 * Writes a checkpoint as one safetensors file with its floats in those types, one tensor in memory at
 * a time. The file appears when it is complete, so one that is in use may be written again.
 */
export async function saveWeights(
  path: string,
  tensors: Iterable<readonly [string, StoredTensor]>,
  dtypeOf: (name: string) => TorchDtype,
): Promise<void> {
  const entries = Array.from(tensors, ([name, stored]) => {
    const dtype = dtypeOf(name);
    const converts = FLOATS.includes(stored.dtype) && stored.dtype !== dtype;
    return {
      name,
      dtype: converts ? dtype : stored.dtype,
      dims: stored.dims,
      bytes: () => converts ? converted(stored, dtype) : readBytes(stored),
    };
  });
  await writeSafetensors(path, entries, { format: "pt" });
}

async function converted(stored: StoredTensor, dtype: TorchDtype): Promise<Uint8Array> {
  const values = (await readTensor(stored)).toFloat32Array();
  const encoded = dtype === "float32"
    ? values
    : dtype === "float16"
    ? encodeFloat16(values)
    : encodeBfloat16(values);
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}

/** Writes tensors in memory as a safetensors file. */
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
