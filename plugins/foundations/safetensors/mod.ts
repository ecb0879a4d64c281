/**
 * The safetensors format: the header of a file, its tensors at their places, and writing, with the
 * names that diffusers and transformers give to files, variants and shards.
 *
 * Headers are accepted exactly as the reference reader (safetensors 0.8.0, in Rust) accepts them.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/x.safetensors`;
 * await saveSafetensors(path, { weight: Tensor.from([1, 2]) });
 * const { tensors } = await openSafetensors(path);
 * assertEquals((await readTensor(tensors.get("weight")!)).toNested(), [1, 2]);
 * ```
 *
 * @module
 */
export { decodeBfloat16, encodeBfloat16 } from "./bfloat16.ts";
export { type FindOptions, findWeights, openWeights, type WeightFiles } from "./find.ts";
export {
  parseHeader,
  readHeader,
  type SafetensorsHeader,
  type StoredHeader,
  type TensorInfo,
} from "./header.ts";
export { itemSize } from "./dtypes.ts";
export { readRange, realPath, writeAll } from "./file.ts";
export { openSafetensors, type SafetensorsFile } from "./open.ts";
export { decodeFloat8, type Float8 } from "./float8.ts";
export { keptTensors, madeTogether, placesOf } from "./kept.ts";
export { withScales } from "./scaled.ts";
export {
  numberOfElements,
  readBytes,
  readTensor,
  splitRows,
  type StoredBlocks,
  type StoredDType,
  type StoredTensor,
  storedTensor,
  swapHalves,
} from "./stored_tensor.ts";
export { bytesAs, type SaveTarget, saveWeights } from "./save.ts";
export { checkSaveOptions, shardBytes } from "./save_options.ts";
export { saveSafetensors, type TensorToWrite, writeSafetensors } from "./write.ts";
