import { Tensor } from "@denoise/core";
import type { Resample, Taps } from "./_filters.ts";
import { type Lines, twoPass } from "./_two_pass.ts";
import { checkResample, checkSize } from "./resize.ts";

function pass(source: Float32Array, taps: Taps, lines: Lines, target: Float32Array): void {
  const { starts, counts, weights, width } = taps;
  const { count, lineSteps, step } = lines;
  for (let line = 0; line < count; line++) {
    for (let out = 0; out < starts.length; out++) {
      let sum = 0;
      let from = line * lineSteps[0] + starts[out]! * step;
      for (let k = 0; k < counts[out]!; k++, from += step) {
        sum += source[from]! * weights[out * width + k]!;
      }
      target[line * lineSteps[1] + out * step] = sum;
    }
  }
}

/**
 * Planes of float32 in another size, as Pillow resizes pictures of mode `F`: the filter stretched
 * when the plane shrinks, sums in float64, no clipping. For masks and depth maps.
 *
 * @param tensor float32 [..., H, W].
 * @param width The new width.
 * @param height The new height.
 * @param method `"bicubic"` unless given; not `"nearest"`.
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
  const allocate = (length: number): Float32Array => new Float32Array(length);
  for (let i = 0; i * size < data.length; i++) {
    const plane = data.subarray(i * size, (i + 1) * size);
    const resized = twoPass(plane, from, { width, height }, 1, method, allocate, pass);
    result.set(resized, i * width * height);
  }
  return new Tensor("float32", result, [...outer, height, width]);
}
