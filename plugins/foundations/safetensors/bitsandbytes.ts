/**
 * Weights as bitsandbytes stores them: 4 bits that stand for 16 levels (nf4, fp4), with a scale for each block,
 * and int8 with a scale for each row. Numbers are those of its own dequantization, bit for bit, before that rounds
 * them to the type that it computes in.
 *
 * @module
 */
import { DenoiseError } from "@denoise/core";
import { keptTensors, placesOf } from "./kept.ts";
import { numberOfElements, readBytes, readTensor, type StoredTensor } from "./stored_tensor.ts";

/** `quant_state` of a weight of 4 bits, as it lies beside it in JSON. */
interface QuantState {
  readonly quant_type: string;
  readonly blocksize: number;
  readonly shape: readonly number[];
  readonly nested_blocksize?: number;
  readonly nested_offset?: number;
}

const STATE = /^(.*)\.quant_state\.bitsandbytes__(nf4|fp4)$/;
/** `1 / 127` as bitsandbytes writes it. */
const PER_127 = 7.874015718698502e-3;

function invalid(name: string, why: string, cause?: unknown): DenoiseError {
  return new DenoiseError(
    "invalid_safetensors",
    `Cannot read ${JSON.stringify(name)}, which bitsandbytes has quantized: ${why}`,
    { cause },
  );
}

/** Takes the parts of each weight together; tensors of other kinds stay as they are. */
export async function joinBitsandbytes(tensors: Map<string, StoredTensor>): Promise<void> {
  for (const key of [...tensors.keys()]) {
    const [_, name] = STATE.exec(key) ?? [];
    if (name !== undefined) await joinFourBits(tensors, name, key);
    else if (/(^|\.)SCB$/.test(key)) await joinInt8(tensors, key);
  }
}

async function joinInt8(tensors: Map<string, StoredTensor>, key: string): Promise<void> {
  const module = key.slice(0, -"SCB".length);
  const name = `${module}weight`;
  const weight = tensors.get(name);
  const scale = tensors.get(key)!;
  if (weight?.dtype !== "int8" || numberOfElements(scale) !== weight.dims[0]) {
    throw invalid(
      name,
      `SCB has ${numberOfElements(scale)} numbers, and a weight of int8 with as ` +
        "many rows is needed",
    );
  }
  await finite(name, "SCB", scale);
  tensors.set(name, { ...weight, scale: { ...scale, dims: [weight.dims[0]!] }, factor: PER_127 });
  for (const part of ["SCB", "weight_format"]) tensors.delete(module + part);
}

async function joinFourBits(
  tensors: Map<string, StoredTensor>,
  name: string,
  key: string,
): Promise<void> {
  const take = (part: string): StoredTensor => {
    const tensor = tensors.get(`${name}${part}`);
    if (tensor === undefined) throw invalid(name, `there is no "${name}${part}"`);
    tensors.delete(`${name}${part}`);
    return tensor;
  };
  const state = await readState(name, tensors.get(key)!);
  const { shape, blocksize } = state;
  const count = shape.reduce((product, dim) => product * dim, 1);
  const { dtype, data } = take("");
  const stored = await readTensor(take(".quant_map"));
  const absmax = take(".absmax");
  const blocks = Math.ceil(count / blocksize);
  if (dtype !== "uint8" || data.length !== Math.ceil(count / 2) || stored.size !== 16) {
    throw invalid(name, `it has ${data.length} bytes and ${stored.size} levels for [${shape}]`);
  }
  if (count % blocksize !== 0 || numberOfElements(absmax) !== blocks) {
    throw invalid(
      name,
      `it has ${numberOfElements(absmax)} scales, where ${count} numbers in whole blocks of ` +
        `${blocksize} need ${count / blocksize}`,
    );
  }
  const isNested = state.nested_blocksize !== undefined;
  const scales = isNested
    ? await unnested(name, state, absmax, take(".nested_absmax"), take(".nested_quant_map"))
    : absmax;
  await finite(name, "absmax", scales);
  tensors.delete(key);
  const [rows] = shape as [number];
  const width = count / rows;
  tensors.set(name, {
    dtype: "uint8",
    dims: shape,
    data,
    blocks: {
      bits: 4,
      size: blocksize,
      zero: 0,
      levels: [...stored.toFloat32Array()],
      scales: {
        ...scales,
        dims: width % blocksize === 0 ? [rows, width / blocksize] : [blocks],
      },
    },
  });
}

async function readState(name: string, stored: StoredTensor): Promise<QuantState> {
  let state: QuantState;
  try {
    state = JSON.parse(new TextDecoder().decode(await readBytes(stored)));
  } catch (cause) {
    throw invalid(name, "its quant_state is no JSON", cause);
  }
  const isSize = (value: unknown) => Number.isInteger(value) && (value as number) > 0;
  const { shape, blocksize, nested_blocksize: nested = 1, nested_offset: offset = 0 } = state;
  if (
    Array.isArray(shape) && shape.every(isSize) && isSize(blocksize) && isSize(nested) &&
    Number.isFinite(offset)
  ) {
    return state;
  }
  throw invalid(name, `its quant_state is ${JSON.stringify(state)}`);
}

/** Scales that are quantized too, in blocks with levels of their own; kept in the cache. */
async function unnested(
  name: string,
  { nested_blocksize: size = 256, nested_offset: offset = 0 }: QuantState,
  absmax: StoredTensor,
  nestedAbsmax: StoredTensor,
  nestedMap: StoredTensor,
): Promise<StoredTensor> {
  const parts = { absmax, nestedAbsmax, nestedMap };
  const key = [1, size, offset, await placesOf(Object.entries(parts))];
  const count = numberOfElements(absmax);
  if (numberOfElements(nestedMap) !== 256 || numberOfElements(nestedAbsmax) * size < count) {
    throw invalid(name, "its nested_quant_map and nested_absmax do not fit its absmax");
  }
  const bytes = async () => {
    const values = await readBytes(absmax);
    const levels = (await readTensor(nestedMap)).toFloat32Array();
    const scales = (await readTensor(nestedAbsmax)).toFloat32Array();
    const numbers = Float32Array.from(
      values,
      (value, i) => Math.fround(levels[value]! * scales[Math.floor(i / size)]!) + offset,
    );
    return new Uint8Array(numbers.buffer);
  };
  const made = await keptTensors("bitsandbytes", key, () => [
    { name: "absmax", dtype: "float32", dims: [count], bytes },
  ]);
  return made.get("absmax")!;
}

async function finite(name: string, part: string, stored: StoredTensor): Promise<void> {
  const wrong = (await readTensor(stored)).toFloat32Array().find((value) =>
    !Number.isFinite(value)
  );
  if (wrong !== undefined) throw invalid(name, `${part} must be finite, but has ${wrong}`);
}
