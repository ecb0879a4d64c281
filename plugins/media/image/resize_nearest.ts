import { Tensor } from "@denoise/core";

/** `floor(i * from / to)` in float32, as torch's `interpolate(mode="nearest")`. */
function places(from: number, to: number): Int32Array {
  const scale = Math.fround(from / to);
  return Int32Array.from({ length: to }, (_, i) => {
    return Math.min(Math.floor(Math.fround(i * scale)), from - 1);
  });
}

/** float32 [N, C, H, W] in another size, each element the nearest one, as torch does it. */
export function resizeNearest(tensor: Tensor, width: number, height: number): Tensor {
  const [count, channels, fromHeight, fromWidth] = tensor.dims as [number, number, number, number];
  if (width === fromWidth && height === fromHeight) return tensor;
  const rows = places(fromHeight, height);
  const columns = places(fromWidth, width);
  const source = tensor.data as Float32Array;
  const data = new Float32Array(count * channels * height * width);
  for (let plane = 0, at = 0; plane < count * channels; plane++) {
    for (let y = 0; y < height; y++) {
      const row = (plane * fromHeight + rows[y]!) * fromWidth;
      for (let x = 0; x < width; x++) data[at++] = source[row + columns[x]!]!;
    }
  }
  return new Tensor("float32", data, [count, channels, height, width]);
}
