/**
 * Tensors in files of `torch.save` (`.bin`, `.pt`, `.ckpt`), read without running anything: a pickle is a program,
 * and this reader knows only the words of it that make numbers, texts, lists, dicts and tensors, the ones that torch
 * takes with `weights_only=True`. Everything else is refused by its name. Tensors stay at their places in the file.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { openTensors } from "@denoise/pickle";
 * import { readTensor, saveSafetensors } from "@denoise/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * // a file of either kind
 * const path = `${await Deno.makeTempDir()}/x.safetensors`;
 * await saveSafetensors(path, { weight: Tensor.from([1, 2]) });
 * const { tensors } = await openTensors(path);
 * assertEquals((await readTensor(tensors.get("weight")!)).toNested(), [1, 2]);
 * ```
 *
 * @module
 */
export { isPickle, openPickle, openTensors, type PickleFile } from "./open.ts";
