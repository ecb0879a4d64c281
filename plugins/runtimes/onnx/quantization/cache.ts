/**
 * Quantized weights are made once and kept in a file, from which they are mapped: in the folder `quantized`
 * of the cache ({@linkcode cacheFolder}). It can be removed at any time.
 *
 * @module
 */
import { DenoiseError } from "@denoise/core";
import {
  keptTensors,
  madeTogether,
  placesOf,
  readTensor,
  type StoredDType,
  type StoredTensor,
  type TensorToWrite,
} from "@denoise/safetensors";
import type { QuantizedWeight } from "../graph/mod.ts";
import { methodOfLayer, moduleOf } from "./layers.ts";
import { describeMethod, type Method } from "./method.ts";
import { type Quantized, toBlocks, toInt8 } from "./quantize.ts";

/** Changes when what is written changes. */
const FORMAT = 2;

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
  const range = method.kind === "int8" ? most : 0;
  const key = [FORMAT, describeMethod(method), range, await placesOf(weights)];
  const methodOf = (name: string) => methodOfLayer(moduleOf(name), method);
  const make = () => weights.flatMap((one) => entries(one, methodOf(one[0]), most));
  const tensors = await keptTensors("quantized", key, make);
  return new Map(
    weights.map((one) => [one[0], quantizedWeight(tensors, one, methodOf(one[0]), most)]),
  );
}

function quantizedWeight(
  tensors: ReadonlyMap<string, StoredTensor>,
  [name, { dims }]: Weights[number],
  method: Method,
  most: number,
): QuantizedWeight {
  const [values, scales] = [tensors.get(`${name}.values`)!, tensors.get(`${name}.scales`)!];
  if (method.kind === "int8") return { kind: "int8", values, scales };
  const width = dims.slice(1).reduce((product, size) => product * size, 1);
  const roundsInput = method.roundsInput && most === 127;
  return { ...method, roundsInput, values, scales, width };
}

/** Values and scales of a weight as they are written. */
function entries(
  [name, stored]: Weights[number],
  method: Method,
  most: number,
): TensorToWrite[] {
  const [out, ...others] = stored.dims as [number, ...number[]];
  const width = others.reduce((product, size) => product * size, 1);
  const work = async () => {
    const { values, scales } = await quantize(name, stored, method, most);
    return { values: new Uint8Array(values.buffer), scales: new Uint8Array(scales.buffer) };
  };
  const half = (
    part: "values" | "scales",
    dtype: StoredDType,
    dims: readonly number[],
  ) => ({ part, name: `${name}.${part}`, dtype, dims });
  if (method.kind === "int8") {
    return madeTogether(work, [
      half("values", "int8", [width, out]),
      half("scales", "float32", [out]),
    ]);
  }
  const { bits, blockSize } = method;
  const blocks = Math.ceil(width / blockSize);
  return madeTogether(work, [
    half("values", "uint8", [out, blocks, blockSize * bits / 8]),
    half("scales", "float32", [out, blocks]),
  ]);
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
