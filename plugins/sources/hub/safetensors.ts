/** The header of a safetensors file, without the tensors. */

import { DenoiseError } from "@denoise/core";

/** A tensor as the header lists it. */
export interface TensorHeader {
  /** Its type, such as `"F32"` or `"BF16"`. */
  readonly dtype: string;
  /** Its dimensions. */
  readonly shape: readonly number[];
}

/** A header and its bytes, the eight that give its length included. */
export interface SafetensorsHeader {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tensors: ReadonlyMap<string, TensorHeader>;
}

/** The first read: more than the header of most models. */
const FIRST_READ = 128 * 1024;
/** The longest header that the format allows. */
const MAX_HEADER = 100_000_000;

function parse(text: string, file: string): Map<string, TensorHeader> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw invalid(file, "its header is not valid JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw invalid(file, "its header is not a JSON object");
  }
  const tensors = new Map<string, TensorHeader>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape } = entry as Partial<TensorHeader>;
    const isShape = Array.isArray(shape) &&
      shape.every((size) => Number.isSafeInteger(size) && size >= 0);
    if (typeof dtype !== "string" || !isShape) {
      throw invalid(file, `tensor ${JSON.stringify(name)} has no dtype and shape`);
    }
    tensors.set(name, { dtype, shape: shape as number[] });
  }
  return tensors;
}

function invalid(file: string, why: string): DenoiseError {
  return new DenoiseError("invalid_safetensors", `Cannot read ${file}: ${why}`);
}

/**
 * Reads the header of a safetensors file.
 *
 * @param read Gives the bytes from `start` to before `end`.
 * @param size The size of the file.
 */
export async function readHeader(
  read: (start: number, end: number) => Promise<Uint8Array>,
  size: number,
  file: string,
): Promise<SafetensorsHeader> {
  if (size < 10) throw invalid(file, `it has ${size} bytes, too few for a header`);
  const first = await read(0, Math.min(FIRST_READ, size));
  const length = Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER || 8 + length > size) {
    throw invalid(file, `its header claims ${length} bytes of a file of ${size}`);
  }
  const bytes = new Uint8Array(8 + length);
  bytes.set(first.subarray(0, bytes.length));
  if (bytes.length > first.length) {
    bytes.set(await read(first.length, bytes.length), first.length);
  }
  return { bytes, tensors: parse(new TextDecoder().decode(bytes.subarray(8)), file) };
}

/** How many numbers a tensor holds. */
export function countNumbers({ shape }: TensorHeader): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** How many parameters tensors hold: integers beside them, such as position ids, are none. */
export function countParameters(tensors: Iterable<TensorHeader>): number {
  let count = 0;
  for (const tensor of tensors) if (/^B?F\d/.test(tensor.dtype)) count += countNumbers(tensor);
  return count;
}
