import { decodeBfloat16, DenoiseError, Tensor } from "@denoise/core";
import { readRange } from "./_file.ts";
import type { StoredDType } from "./dtypes.ts";

export type { StoredDType };

/** A tensor of a checkpoint: its type and sizes, and where its bytes lie. */
export interface StoredTensor {
  /** The type it is stored in. */
  readonly dtype: StoredDType;
  /** Its sizes. */
  readonly dims: readonly number[];
  /** Its bytes in memory, or its place in a file. */
  readonly data: Uint8Array | {
    /** Absolute path of the file, with symbolic links resolved. */
    readonly file: string;
    /** Byte of the file at which it starts. */
    readonly offset: number;
    /** How many bytes it has. */
    readonly length: number;
  };
}

/** The bytes of a stored tensor. */
export async function readBytes(stored: StoredTensor): Promise<Uint8Array<ArrayBuffer>> {
  if (stored.data instanceof Uint8Array) return new Uint8Array(stored.data);
  using file = await Deno.open(stored.data.file, { read: true });
  const { offset, length } = stored.data;
  const bytes = await readRange(file, offset, offset + length);
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
