import { Tensor } from "@denoise/core";
import type { Resample } from "./_filters.ts";
import { passesFloat } from "./_passes.ts";
import { checkResample, checkSize } from "./resize.ts";
import { twoPass } from "./_two_pass.ts";

/**
 * Planes of float32 in another size, as Pillow resizes images of mode `F`: the filter stretched
 * when the plane shrinks, sums in float64, no clipping. For masks and depth maps.
 *
 * @param tensor float32 [..., H, W].
 * @param width The new width.
 * @param height The new height.
 * @param method `"bicubic"` by default; not `"nearest"`.
 * @throws {TypeError} for a tensor of another type or rank, or an unknown method.
 * @throws {RangeError} for a size that is no positive integer.
 */
export function resizeFloat(
  tensor: Tensor,
  width: number,
  height: number,
  method: Exclude<Resample, "nearest"> = "bicubic",
): Tensor {
  if (tensor.dtype !== "float32" || tensor.dims.length < 2) {
    throw new TypeError(`Cannot resize ${tensor}: it must be float32 [..., H, W]`);
  }
  checkSize(width, height);
  checkResample(method);
  const [fromHeight, fromWidth] = tensor.dims.slice(-2) as [number, number];
  const from = { width: fromWidth, height: fromHeight };
  const size = fromWidth * fromHeight;
  const outer = tensor.dims.slice(0, -2);
  const data = tensor.data as Float32Array;
  const result = new Float32Array(outer.reduce((n, dim) => n * dim, 1) * width * height);
  for (let i = 0; i * size < data.length; i++) {
    const plane = data.subarray(i * size, (i + 1) * size);
    const resized = twoPass(plane, from, { width, height }, 1, method, passesFloat);
    result.set(resized, i * width * height);
  }
  return new Tensor("float32", result, [...outer, height, width]);
}
