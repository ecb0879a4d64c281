import { stat } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import {
  keptTensors,
  madeTogether,
  readBytes,
  type StoredTensor,
  type TensorToWrite,
} from "@denoise/safetensors";
import { type GgufFile, type GgufTensor, openGguf, PLAIN } from "./open.ts";
import { BLOCK_TYPES, type BlockType, type GgufType, unpacked } from "./types.ts";

/** Changes when what is written changes. */
const FORMAT = 2;

/**
 * The tensors of a GGUF file. Those of plain numbers stay where they lie; quantized ones are laid out
 * once, in the folder `gguf` of the cache, as products in blocks want them.
 *
 * @throws {DenoiseError} As {@linkcode openGguf} does, and `invalid_gguf` for scales that are not finite.
 */
export async function ggufTensors(path: string): Promise<Map<string, StoredTensor>> {
  const file = await openGguf(path);
  const blocks = [...file.tensors].filter(([_, { type }]) => !(type in PLAIN));
  const unpackedFile = blocks.length === 0 ? undefined : await laidOut(file, blocks);
  return new Map(
    [...file.tensors].map((
      [name, tensor],
    ) => [name, stored(file.path, name, tensor, unpackedFile)]),
  );
}

function stored(
  file: string,
  name: string,
  { type, dims, offset, length }: GgufTensor,
  laidOut: ReadonlyMap<string, StoredTensor> | undefined,
): StoredTensor {
  const plain = PLAIN[type];
  if (plain !== undefined) return { dtype: plain[0], dims, data: { file, offset, length } };
  const { bits, size, zero } = BLOCK_TYPES[type as GgufType];
  const part = (kind: string): StoredTensor | undefined => {
    const found = laidOut?.get(`${name}.${kind}`);
    return found && { ...found, dims: blocksOf(dims, size) };
  };
  return {
    dtype: "uint8",
    dims,
    data: part("values")!.data,
    blocks: { bits, size, zero, scales: part("scales")!, offsets: part("offsets") },
  };
}

/** [rows, blocks] where blocks end with rows, as all do but those of reshaped convolutions. */
function blocksOf(dims: readonly number[], size: number): readonly number[] {
  const [rows, ...others] = dims as [number, ...number[]];
  const width = others.reduce((product, dim) => product * dim, 1);
  return width % size === 0 ? [rows, width / size] : [rows * width / size];
}

async function laidOut(
  { path }: GgufFile,
  tensors: readonly [string, GgufTensor][],
): Promise<ReadonlyMap<string, StoredTensor>> {
  const { size, mtime } = await stat(path);
  const key = [FORMAT, path, size, mtime?.getTime(), tensors];
  return await keptTensors("gguf", key, () => tensors.flatMap((one) => parts(path, one)));
}

/** What is written of a tensor: values, scales and offsets. */
function parts(file: string, [name, tensor]: [string, GgufTensor]): TensorToWrite[] {
  const type = BLOCK_TYPES[tensor.type as GgufType];
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  const blocks = count / type.size;
  const kinds = [
    ["values", "uint8", [blocks, type.size * type.bits / 8]],
    ["scales", "float32", [blocks]],
    ...(type.hasOffsets ? [["offsets", "float32", [blocks]] as const] : []),
  ] as const;
  return madeTogether(
    () => unpack(file, name, tensor, type),
    kinds.map(([part, dtype, dims]) => ({ part, name: `${name}.${part}`, dtype, dims })),
  );
}

async function unpack(
  path: string,
  name: string,
  { offset, length }: GgufTensor,
  type: BlockType,
): Promise<Record<"values" | "scales" | "offsets", Uint8Array<ArrayBuffer>>> {
  const bytes = await readBytes({
    dtype: "uint8",
    dims: [length],
    data: { file: path, offset, length },
  });
  const count = length / type.bytes;
  const perBlock = type.numbers / type.size;
  const values = new Uint8Array(count * type.numbers * type.bits / 8);
  const [scales, offsets] = [
    new Float32Array(count * perBlock),
    new Float32Array(count * perBlock),
  ];
  const one = unpacked(type);
  for (let n = 0; n < count; n++) {
    type.unpack(bytes, n * type.bytes, one);
    scales.set(one.scales, n * perBlock);
    offsets.set(one.offsets, n * perBlock);
    if (type.bits === 8) values.set(one.values, n * type.numbers);
    else {
      const at = n * type.numbers / 2;
      for (let i = 0; i < type.numbers / 2; i++) {
        values[at + i] = one.values[2 * i]! | (one.values[2 * i + 1]! << 4);
      }
    }
  }
  for (const [part, numbers] of [["scale", scales], ["offset", offsets]] as const) {
    const wrong = numbers.findIndex((number) => !Number.isFinite(number));
    if (wrong === -1) continue;
    throw new DenoiseError(
      "invalid_gguf",
      `Cannot read ${JSON.stringify(path)}: the tensor ${JSON.stringify(name)} has a ${part} of ` +
        `${numbers[wrong]} in block ${
          Math.floor(wrong / perBlock)
        }, which must be finite; fetch the file again`,
    );
  }
  return {
    values,
    scales: new Uint8Array(scales.buffer),
    offsets: new Uint8Array(offsets.buffer),
  };
}
