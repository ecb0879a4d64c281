import { DenoiseError, Tensor } from "@denoise/core";
import { openTensors } from "@denoise/pickle";
import { readTensor, storedTensor, withScales } from "@denoise/safetensors";
import { ggufTensors } from "@denoise/gguf";
import type { StoredTensor } from "@denoise/safetensors";

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, StoredTensor>;

/** Tensors with their names. */
export type NamedTensor = readonly [name: string, tensor: StoredTensor];

/**
 * Opens a checkpoint.
 *
 * @throws {DenoiseError} `pickle_refused`, `missing_file` or `invalid_safetensors`.
 */
export async function openCheckpoint(file: string): Promise<Tensors> {
  if (/\.gguf$/i.test(file)) return await ggufTensors(file);
  return await withScales((await openTensors(file)).tensors);
}

/** What ComfyUI and the authors of Cosmos put before the names of a transformer. */
export const TRANSFORMERS: readonly string[] = ["model.diffusion_model.", "net."];

/** The tensors whose names begin with one of these, the first that fits, without it. */
export function inside(tensors: Tensors, prefixes: readonly string[]): NamedTensor[] {
  const names = [...tensors.keys()];
  const prefix = prefixes.find((one) => names.some((name) => name.startsWith(one)));
  if (prefix === undefined) return [];
  return [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [
    name.slice(prefix.length),
    tensor,
  ]);
}

/** A tensor of two axes with its axes changed, in memory. */
export async function transposed(stored: StoredTensor): Promise<StoredTensor> {
  const { dims: [height, width], data } = (await readTensor(stored)).astype("float32");
  const turned = new Float32Array(data.length);
  for (let y = 0; y < height!; y++) {
    for (let x = 0; x < width!; x++) turned[x * height! + y] = data[y * width! + x] as number;
  }
  return storedTensor(new Tensor("float32", turned, [width!, height!]));
}

/**
 * Does what needs a repo beside a file, and says so where it cannot be had.
 *
 * @param id The repo that has configs, and what the file lacks.
 */
export async function besideFile<T>(
  file: string,
  id: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const unreachable = ["source_unavailable", "missing_file"];
    if (!(error instanceof DenoiseError) || !unreachable.includes(error.code)) throw error;
    throw new DenoiseError(
      error.code,
      `Cannot load what ${JSON.stringify(file)} lacks from ${
        JSON.stringify(id)
      }: give a folder or ` +
        `repo that has it as { config }, or make that one reachable. ${error.message}`,
      { cause: error },
    );
  }
}
