import { open } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import { checkComfyHeader } from "./comfy_quant.ts";
import { DTYPES } from "./dtypes.ts";
import { readHeader } from "./header.ts";
import { readRange, realPath } from "./file.ts";
import type { StoredTensor } from "./stored_tensor.ts";

/** A safetensors file whose header was checked; its tensors stay where they are. */
export interface SafetensorsFile {
  /** Absolute path, with symbolic links resolved. */
  readonly path: string;
  /** The texts under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * Reads the header of a safetensors file, and nothing else of it.
 *
 * @throws {DenoiseError} `invalid_safetensors` naming what is wrong with the file,
 *   `missing_file`, or `unsupported_option` for types and quantized formats that are not read.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const real = await realPath(path);
  await using file = await open(real);
  const { size } = await file.stat();
  const header = await readHeader((start, end) => readRange(file, start, end), size, path);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, offsets: [begin, end] }] of header.tensors) {
    const known = DTYPES[dtype];
    if (known === undefined) {
      throw new DenoiseError(
        "unsupported_option",
        `Cannot read ${JSON.stringify(path)}: tensor ${JSON.stringify(name)} is ${dtype}; ` +
          `read are ${Object.keys(DTYPES).join(", ")}`,
      );
    }
    const data = { file: real, offset: header.bytes.length + begin, length: end - begin };
    tensors.set(name, { dtype: known, dims: shape, data });
  }
  checkComfyHeader(path, header.metadata);
  return { path: real, metadata: header.metadata, tensors };
}
