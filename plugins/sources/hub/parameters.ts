/** How much a checkpoint holds. */

import type { TensorInfo } from "@denoise/safetensors";

/** How many numbers a tensor holds. */
export function countNumbers({ shape }: TensorInfo): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** How many parameters tensors hold: integers beside them, such as position ids, are none. */
export function countParameters(tensors: Iterable<TensorInfo>): number {
  let count = 0;
  for (const tensor of tensors) if (/^B?F\d/.test(tensor.dtype)) count += countNumbers(tensor);
  return count;
}
