import { open } from "node:fs/promises";
import { DenoiseError, Tensor } from "@denoise/core";
import { decodeBfloat16 } from "./bfloat16.ts";
import { readRange } from "./file.ts";
import type { StoredDType } from "./dtypes.ts";
import { decodeFloat8 } from "./float8.ts";

export type { StoredDType };

/** How a tensor's numbers are made of values of few bits in blocks along its rows. */
export interface StoredBlocks {
  /** Bits of a value; of two in a byte the first is the lower half. */
  readonly bits: 4 | 8;
  /** How many numbers make a block. */
  readonly size: number;
  /** The value that means zero: a number is (value − zero) · scale, and its block's offset. */
  readonly zero: number;
  /**
   * The 16 numbers that values of 4 bits stand for, before their scale, where these are not equally far
   * apart (bitsandbytes); of two values in a byte the first is the upper half then.
   */
  readonly levels?: readonly number[] | undefined;
  /** float32 [rows, blocks]. */
  readonly scales: StoredTensor;
  /** float32 [rows, blocks]; none where all are 0. */
  readonly offsets?: StoredTensor | undefined;
}

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
  /** What its numbers are multiplied by, in float32: one factor, or one for each row. */
  readonly scale?: StoredTensor | undefined;
  /** What that is multiplied by once more, in float32. */
  readonly factor?: number | undefined;
  /** Its bytes are values in blocks, from which its numbers are made; `dims` are those of the numbers. */
  readonly blocks?: StoredBlocks | undefined;
}

/** The bytes of a stored tensor. */
export async function readBytes(stored: StoredTensor): Promise<Uint8Array<ArrayBuffer>> {
  if (stored.data instanceof Uint8Array) return new Uint8Array(stored.data);
  await using file = await open(stored.data.file);
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

/**
 * Parts of a tensor along its first axis; they lie where it lies.
 *
 * @param parts How many equal parts, or how many rows each one has.
 * @throws {RangeError} for parts that are not whole rows, or do not add up to them.
 */
export function splitRows(stored: StoredTensor, parts: number | readonly number[]): StoredTensor[] {
  const { dtype, dims, data, scale, factor, blocks } = stored;
  const [all, ...others] = dims as [number, ...number[]];
  const rows = typeof parts === "number" ? Array<number>(parts).fill(all / parts) : parts;
  if (rows.reduce((sum, count) => sum + count, 0) !== all || !rows.every(Number.isInteger)) {
    throw new RangeError(`Cannot split a tensor of ${all} rows into parts of ${rows.join(", ")}`);
  }
  const isPerRow = scale !== undefined && numberOfElements(scale) > 1;
  const scales = isPerRow ? splitRows(scale, rows) : undefined;
  if (blocks !== undefined && blocks.scales.dims[0] !== all) {
    throw new RangeError("Cannot split a tensor whose blocks do not end with its rows");
  }
  const blockScales = blocks && splitRows(blocks.scales, rows);
  const offsets = blocks?.offsets && splitRows(blocks.offsets, rows);
  const bytes = data.length / all;
  return rows.map((count, i) => {
    const start = rows.slice(0, i).reduce((sum, before) => sum + before, 0) * bytes;
    const length = count * bytes;
    return {
      dtype,
      dims: [count, ...others],
      scale: scales?.[i] ?? scale,
      factor,
      blocks: blocks && { ...blocks, scales: blockScales![i]!, offsets: offsets?.[i] },
      data: data instanceof Uint8Array
        ? data.subarray(start, start + length)
        : { file: data.file, offset: data.offset + start, length },
    };
  });
}

/** A tensor with the two halves of its rows changed, in memory. */
export async function swapHalves(stored: StoredTensor): Promise<StoredTensor> {
  const [first, second] = splitRows(stored, 2) as [StoredTensor, StoredTensor];
  if (stored.scale !== undefined || stored.blocks !== undefined) {
    return storedTensor(Tensor.cat([await readTensor(second), await readTensor(first)]));
  }
  const [head, tail] = [await readBytes(second), await readBytes(first)];
  const data = new Uint8Array(head.length + tail.length);
  data.set(head);
  data.set(tail, head.length);
  return { dtype: stored.dtype, dims: stored.dims, data };
}

/** How many numbers a stored tensor has. */
export function numberOfElements({ dims }: Pick<StoredTensor, "dims">): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** The values of a stored tensor; bfloat16, float8, int8 and numbers with a scale as float32. */
export async function readTensor(stored: StoredTensor): Promise<Tensor> {
  if (stored.scale === undefined) return await readNumbers(stored);
  const values = (await readNumbers(stored)).toFloat32Array().slice();
  const factors = (await readTensor(stored.scale)).toFloat32Array();
  const row = values.length / factors.length;
  values.forEach((value, i) => values[i] = value * factors[Math.floor(i / row)]!);
  const { factor } = stored;
  if (factor !== undefined) values.forEach((value, i) => values[i] = value * Math.fround(factor));
  return new Tensor("float32", values, stored.dims);
}

/** The numbers of values in blocks. */
async function readBlocks(
  stored: StoredTensor,
  { bits, size, zero, levels, scales, offsets }: StoredBlocks,
): Promise<Tensor> {
  const values = await readBytes(stored);
  const factors = (await readTensor(scales)).toFloat32Array();
  const sums = offsets && (await readTensor(offsets)).toFloat32Array();
  const numbers = new Float32Array(factors.length * size);
  for (let i = 0; i < numbers.length; i++) {
    const block = Math.floor(i / size);
    const half = (i & 1) === (levels === undefined ? 0 : 1) ? 0 : 4;
    const value = bits === 8 ? values[i]! : (values[i >> 1]! >> half) & 15;
    const level = levels === undefined ? value - zero : Math.fround(levels[value]!);
    numbers[i] = Math.fround(level * factors[block]!) + (sums?.[block] ?? 0);
  }
  return new Tensor("float32", numbers, stored.dims);
}

async function readNumbers(stored: StoredTensor): Promise<Tensor> {
  if (stored.blocks !== undefined) return await readBlocks(stored, stored.blocks);
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
    case "float8_e4m3fn":
    case "float8_e5m2":
      return new Tensor("float32", decodeFloat8(new Uint8Array(buffer), dtype), dims);
    case "int32":
      return new Tensor(dtype, new Int32Array(buffer), dims);
    case "int64":
      return new Tensor(dtype, new BigInt64Array(buffer), dims);
    case "int8":
      return new Tensor("float32", Float32Array.from(new Int8Array(buffer)), dims);
    case "uint8":
    case "bool":
      return new Tensor(dtype, new Uint8Array(buffer), dims);
    default:
      throw new TypeError(`Cannot read a tensor of ${dtype} into memory`);
  }
}
