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

/** A checkpoint as a GGUF file of version 3: in float32, or where rows allow it in Q8_0. */
export async function ggufFile(
  tensors: Iterable<readonly [string, StoredTensor]>,
  type: "F32" | "Q8_0",
): Promise<Uint8Array> {
  const head = new Writer();
  const data = new Writer();
  const entries = [...tensors];
  head.bytes(new TextEncoder().encode("GGUF")).u32(3).u64(entries.length).u64(0);
  for (const [name, stored] of entries) {
    const isQuantized = type === "Q8_0" && stored.dims.length === 2 && stored.dims[1]! % 32 === 0;
    head.text(name).u32(stored.dims.length);
    stored.dims.toReversed().forEach((dim) => head.u64(dim));
    head.u32(isQuantized ? 8 : 0).u64(data.length);
    const numbers = (await readTensor(stored)).toFloat32Array();
    data.bytes(isQuantized ? toQ8_0(numbers) : new Uint8Array(numbers.slice().buffer)).pad();
  }
  return head.pad().bytes(data.all()).all();
}
