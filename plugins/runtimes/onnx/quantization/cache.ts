/**
 * Quantized weights are made once and kept in a file, from which they are mapped: in the folder `quantized`
 * of the cache ({@linkcode cacheFolder}). It can be removed at any time.
 *
 * @module
 */
import { cacheFolder, DenoiseError, isFile, joinPath } from "@denoise/core";
import {
  openSafetensors,
  readTensor,
  type StoredDType,
  type StoredTensor,
  type TensorToWrite,
  writeSafetensors,
} from "@denoise/safetensors";
import type { QuantizedWeight } from "../graph/mod.ts";
import { describeMethod, type Method } from "./method.ts";
import { type Quantized, toBlocks, toInt8 } from "./quantize.ts";

/** Changes when what is written changes. */
const FORMAT = 1;

/** Weights by name. */
export type Weights = readonly (readonly [string, StoredTensor])[];

/**
 * Weights in the form that layers take, from the cache, or made and put there.
 *
 * @param most The greatest value of int8 weights.
 * @throws {DenoiseError} `invalid_safetensors` for a weight that is not finite, `unsupported_option` where
 *   the cache cannot be written.
 */
export async function quantized(
  weights: Weights,
  method: Method,
  most: number,
): Promise<Map<string, QuantizedWeight>> {
  const folder = joinPath(cacheFolder(), "quantized");
  const path = joinPath(folder, `${await keyOf(weights, method, most)}.safetensors`);
  if (!await isFile(path)) await writing(folder, () => write(path, weights, method, most));
  const { tensors } = await openSafetensors(path);
  return new Map(
    weights.map(([name, { dims }]) => [name, quantizedWeight(tensors, name, dims, method)]),
  );
}

function quantizedWeight(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  dims: readonly number[],
  method: Method,
): QuantizedWeight {
  const [values, scales] = [tensors.get(`${name}.values`)!, tensors.get(`${name}.scales`)!];
  if (method.kind === "int8") return { kind: "int8", values, scales };
  const width = dims.slice(1).reduce((product, size) => product * size, 1);
  return { ...method, values, scales, width };
}

/** What tells these weights from others: where they lie, how old the files are, or what they hold. */
async function keyOf(weights: Weights, method: Method, most: number): Promise<string> {
  const files = new Map<string, string>();
  const parts: unknown[] = [FORMAT, describeMethod(method), method.kind === "int8" ? most : 0];
  for (const [name, { dtype, dims, data, scale, blocks }] of weights) {
    if (!(data instanceof Uint8Array) && !files.has(data.file)) {
      const { size, mtime } = await Deno.stat(data.file);
      files.set(data.file, `${data.file} ${size} ${mtime?.getTime()}`);
    }
    const place = data instanceof Uint8Array ? await digest(data) : [data.file, data.offset];
    parts.push([name, dtype, dims, place, scale?.data, blocks]);
  }
  const text = JSON.stringify([...parts, ...files.values()]);
  return await digest(new TextEncoder().encode(text));
}

async function digest(bytes: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))).toHex();
}

async function write(path: string, weights: Weights, method: Method, most: number): Promise<void> {
  const unfinished = `${path}.${crypto.randomUUID()}`;
  try {
    await writeSafetensors(unfinished, weights.flatMap((one) => entries(one, method, most)), {});
    await Deno.rename(unfinished, path);
  } catch (error) {
    for (const left of [unfinished, `${unfinished}.incomplete`]) {
      await Deno.remove(left).catch(() => undefined);
    }
    throw error;
  }
}

/** Values and scales of a weight as they are written; both come of one look at it. */
function entries(
  [name, stored]: Weights[number],
  method: Method,
  most: number,
): TensorToWrite[] {
  const [out, ...others] = stored.dims as [number, ...number[]];
  const width = others.reduce((product, size) => product * size, 1);
  let made: Promise<Quantized> | undefined;
  const half = (part: keyof Quantized, dtype: StoredDType, dims: readonly number[]) => ({
    name: `${name}.${part}`,
    dtype,
    dims,
    bytes: async () => {
      const work = made ?? quantize(name, stored, method, most);
      made = made === undefined ? work : undefined; // the second of the two is the last
      const { buffer } = (await work)[part];
      return new Uint8Array(buffer);
    },
  });
  if (method.kind === "int8") {
    return [half("values", "int8", [width, out]), half("scales", "float32", [out])];
  }
  const { bits, blockSize } = method;
  const blocks = Math.ceil(width / blockSize);
  return [
    half("values", "uint8", [out, blocks, blockSize * bits / 8]),
    half("scales", "float32", [out, blocks]),
  ];
}

async function quantize(
  name: string,
  stored: StoredTensor,
  method: Method,
  most: number,
): Promise<Quantized> {
  const weight = (await readTensor(stored)).toFloat32Array();
  const quantized = method.kind === "int8"
    ? toInt8(weight, stored.dims, most)
    : toBlocks(weight, stored.dims, method.bits, method.blockSize);
  if (quantized.scales.every(Number.isFinite)) return quantized;
  throw new DenoiseError(
    "invalid_safetensors",
    `Cannot quantize ${JSON.stringify(name)}: it has numbers that are not finite`,
  );
}

/** Makes the folder and does the work, or says what is in the way. */
async function writing(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    await work();
  } catch (cause) {
    if (cause instanceof DenoiseError) throw cause;
    throw new DenoiseError(
      "unsupported_option",
      `Cannot keep quantized weights in ${JSON.stringify(folder)}: ${(cause as Error).message}. ` +
        "Name another folder in DENOISE_CACHE, or allow this one to be written (--allow-write)",
      { cause },
    );
  }
}
