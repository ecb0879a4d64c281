import { readTensor, type StoredTensor } from "@denoise/safetensors";

/** Writes little-endian values one after another. */
class Writer {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.length += bytes.length;
    return this;
  }

  u32(value: number): this {
    return this.bytes(new Uint8Array(Uint32Array.of(value).buffer));
  }

  u64(value: number): this {
    return this.bytes(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u64(bytes.length).bytes(bytes);
  }

  pad(): this {
    return this.bytes(new Uint8Array(-this.length & 31));
  }

  all(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

/** Numbers as Q8_0: blocks of 32 with a float16 scale. */
function toQ8_0(numbers: Float32Array): Uint8Array {
  const out = new Uint8Array(numbers.length / 32 * 34);
  for (let block = 0; block < numbers.length / 32; block++) {
    const part = numbers.subarray(block * 32, block * 32 + 32);
    const scale = Math.f16round(part.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127);
    out.set(new Uint8Array(Float16Array.of(scale).buffer), block * 34);
    part.forEach((x, i) => out[block * 34 + 2 + i] = scale === 0 ? 0 : Math.round(x / scale));
  }
  return out;
}

/** `ggml_type` by name. */
const TYPES = { F32: 0, Q8_0: 8, I8: 24, I16: 25, I32: 26, I64: 27, F64: 28 } as const;

/** Numbers as a type that is no block. */
function plain(numbers: Float32Array, type: Exclude<keyof typeof TYPES, "Q8_0">): Uint8Array {
  const whole = () => numbers.map(Math.round);
  const arrays = {
    F32: () => numbers.slice(),
    F64: () => Float64Array.from(numbers),
    I8: () => Int8Array.from(whole()),
    I16: () => Int16Array.from(whole()),
    I32: () => Int32Array.from(whole()),
    I64: () => BigInt64Array.from(whole(), BigInt),
  };
  return new Uint8Array(arrays[type]().buffer);
}

/** A checkpoint as a GGUF file of version 3: in one type, Q8_0 where rows allow it and else float32. */
export async function ggufFile(
  tensors: Iterable<readonly [string, StoredTensor]>,
  type: keyof typeof TYPES,
): Promise<Uint8Array> {
  const head = new Writer();
  const data = new Writer();
  const entries = [...tensors];
  head.bytes(new TextEncoder().encode("GGUF")).u32(3).u64(entries.length).u64(0);
  for (const [name, stored] of entries) {
    const isBlocks = type === "Q8_0" && stored.dims.length === 2 && stored.dims[1]! % 32 === 0;
    head.text(name).u32(stored.dims.length);
    stored.dims.toReversed().forEach((dim) => head.u64(dim));
    const other = type === "Q8_0" ? "F32" : type;
    head.u32(TYPES[isBlocks ? type : other]).u64(data.length);
    const numbers = (await readTensor(stored)).toFloat32Array();
    data.bytes(isBlocks ? toQ8_0(numbers) : plain(numbers, other)).pad();
  }
  return head.pad().bytes(data.all()).all();
}
