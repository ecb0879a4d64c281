import { open } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import { BLOCK_TYPES, type GgufType } from "./types.ts";
import { readRange, realPath, type StoredDType } from "@denoise/safetensors";

/** A tensor of a GGUF file and where it lies. */
export interface GgufTensor {
  /** The name of its type in ggml. */
  readonly type: GgufType | "F32" | "F16" | "BF16" | "F64" | "I8" | "I16" | "I32" | "I64";
  /** Its sizes in torch's order. */
  readonly dims: readonly number[];
  /** Byte of the file at which it starts. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly length: number;
}

/** A GGUF file whose header was checked. */
export interface GgufFile {
  /** Absolute path, with symbolic links resolved. */
  readonly path: string;
  /** Numbers, texts and lists by their keys. */
  readonly metadata: ReadonlyMap<string, unknown>;
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Types that are no blocks, and what they are called outside ggml. */
export const PLAIN: Readonly<Record<string, readonly [StoredDType, number]>> = {
  F32: ["float32", 4],
  F16: ["float16", 2],
  BF16: ["bfloat16", 2],
  F64: ["float64", 8],
  I8: ["int8", 1],
  I16: ["int16", 2],
  I32: ["int32", 4],
  I64: ["int64", 8],
};

/** `ggml_type`: the names by number. */
const NAMES: Readonly<Record<number, string>> = {
  ...{ 0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1" },
  ...{ 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K" },
  ...{ 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S" },
  ...{ 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64" },
  ...{ 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4" },
};

/** The first read; headers with lists of words need more. */
const FIRST_READ = 2 ** 20;
/** The longest header that is believed. */
const MOST = 2 ** 29;

/** Thrown where the bytes that were read end. */
class Short extends Error {}

/** Reads little-endian values one after another. */
class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  take(length: number): number {
    if (length > this.#bytes.length - this.at) throw new Short();
    this.at += length;
    return this.at - length;
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.take(8), true));
  }

  string(): string {
    const length = this.u64();
    const start = this.take(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  /** A value of a type of `gguf_metadata_value_type`. */
  value(type: number, refuse: (problem: string) => DenoiseError): unknown {
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(this.take(1));
      case 1:
        return view.getInt8(this.take(1));
      case 2:
        return view.getUint16(this.take(2), true);
      case 3:
        return view.getInt16(this.take(2), true);
      case 4:
        return this.u32();
      case 5:
        return view.getInt32(this.take(4), true);
      case 6:
        return view.getFloat32(this.take(4), true);
      case 7:
        return view.getUint8(this.take(1)) !== 0;
      case 8:
        return this.string();
      case 9: {
        const [inner, count] = [this.u32(), this.u64()];
        if (inner === 9) throw refuse("a list holds lists");
        const list: unknown[] = [];
        for (let i = 0; i < count; i++) list.push(this.value(inner, refuse));
        return list;
      }
      case 10:
        return this.u64();
      case 11:
        return Number(view.getBigInt64(this.take(8), true));
      case 12:
        return view.getFloat64(this.take(8), true);
      default:
        throw refuse(`a value has the type ${type}, and there are 0 to 12`);
    }
  }
}

/**
 * Reads the header of a GGUF file of version 2 or 3, and nothing else of it.
 *
 * @throws {DenoiseError} `missing_file`; `invalid_gguf` for a file that breaks the format or is cut off;
 *   `unsupported_option` for a type that is not read, such as IQ4_XS.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const real = await realPath(path);
  await using file = await open(real);
  const { size } = await file.stat();
  const refuse = (problem: string) =>
    new DenoiseError("invalid_gguf", `Cannot read ${JSON.stringify(path)}: ${problem}`);
  for (let length = Math.min(FIRST_READ, size);; length = Math.min(length * 4, size)) {
    try {
      return { path: real, ...parse(await readRange(file, 0, length), size, path, refuse) };
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      if (length === size) {
        throw refuse(`it is cut off: its header does not end in its ${size} bytes`);
      }
      if (length > MOST) throw refuse(`its header is longer than ${MOST} bytes`);
    }
  }
}

function parse(
  bytes: Uint8Array,
  fileSize: number,
  path: string,
  refuse: (problem: string) => DenoiseError,
): Omit<GgufFile, "path"> {
  const reader = new Reader(bytes);
  if (reader.u32() !== 0x46554747) throw refuse('it does not begin with "GGUF"');
  const version = reader.u32();
  if (version !== 2 && version !== 3) {
    throw refuse(`its version is ${version}; read are 2 and 3, with the lowest byte first`);
  }
  const [tensorCount, valueCount] = [reader.u64(), reader.u64()];
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < valueCount; i++) {
    const key = reader.string();
    metadata.set(key, reader.value(reader.u32(), refuse));
  }
  const infos: { name: string; dims: number[]; type: number; offset: number }[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.string();
    const rank = reader.u32();
    if (rank > 8) throw refuse(`the tensor ${JSON.stringify(name)} has ${rank} axes`);
    const dims = Array.from({ length: rank }, () => reader.u64()).reverse();
    infos.push({ name, dims, type: reader.u32(), offset: reader.u64() });
  }
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || !(alignment >= 1)) {
    throw refuse(`its general.alignment is ${JSON.stringify(alignment)}`);
  }
  const data = Math.ceil(reader.at / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const { name, dims, type, offset } of infos) {
    const quoted = JSON.stringify(name);
    if (tensors.has(name)) throw refuse(`it has two tensors ${quoted}`);
    const found = typeOf(type, name, path);
    const count = dims.reduce((product, size) => product * size, 1);
    const [numbers, size] = found in PLAIN
      ? [1, PLAIN[found]![1]]
      : [BLOCK_TYPES[found as GgufType].numbers, BLOCK_TYPES[found as GgufType].bytes];
    if ((dims.at(-1) ?? 1) % numbers !== 0) {
      throw refuse(`the tensor ${quoted} has rows of ${dims.at(-1)}, and ${found} has ${numbers}`);
    }
    const length = count / numbers * size;
    if (!(data + offset + length <= fileSize)) {
      throw refuse(
        `it is cut off: the tensor ${quoted} ends at byte ${
          data + offset + length
        }, and the file ` +
          `at ${fileSize}`,
      );
    }
    const shape = originalShape(metadata.get(`comfy.gguf.orig_shape.${name}`), dims);
    if (shape === undefined) throw refuse(`the shape that it gives ${quoted} does not fit`);
    tensors.set(name, { type: found, dims: shape, offset: data + offset, length });
  }
  return { metadata, tensors };
}

/** The sizes of a tensor that was written with others, as ComfyUI-GGUF does for convolutions. */
function originalShape(given: unknown, dims: readonly number[]): readonly number[] | undefined {
  if (given === undefined) return dims;
  const product = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);
  const isFitting = Array.isArray(given) && given.every(Number.isInteger) &&
    product(given) === product(dims);
  return isFitting ? given : undefined;
}

function typeOf(number: number, tensor: string, path: string): GgufTensor["type"] {
  const name = NAMES[number];
  if (name !== undefined && (name in PLAIN || name in BLOCK_TYPES)) {
    return name as GgufTensor["type"];
  }
  const known = [...Object.keys(PLAIN), ...Object.keys(BLOCK_TYPES)];
  throw new DenoiseError(
    "unsupported_option",
    `Cannot read ${JSON.stringify(path)}: the tensor ${JSON.stringify(tensor)} is ${
      name ?? `of the unknown type ${number}`
    }; read are ${known.join(", ")}. Take a file of one of these, such as Q4_K_M`,
  );
}
