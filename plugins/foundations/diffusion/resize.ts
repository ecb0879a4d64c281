import { Tensor } from "@denoise/core";

/** Keys' cubic convolution with a = -3/4, as torch takes it. */
function cubic(x: number): number {
  const a = -0.75;
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

/** For each new place the four old ones that it is made of, with their weights. */
function taps(from: number, to: number): readonly { at: number; weight: number }[][] {
  return Array.from({ length: to }, (_, i) => {
    const place = (i + 0.5) * from / to - 0.5;
    const first = Math.floor(place);
    return [-1, 0, 1, 2].map((offset) => ({
      at: Math.min(from - 1, Math.max(0, first + offset)),
      weight: cubic(place - first - offset),
    }));
  });
}

/**
 * `interpolate(mode="bicubic", align_corners=False)` of torch, without antialiasing.
 *
 * @param x float32 [N, C, H, W].
 * @returns float32 [N, C, height, width].
 */
export function resizeBicubic(x: Tensor, height: number, width: number): Tensor {
  const [count, channels, rows, columns] = x.dims as [number, number, number, number];
  const [down, across] = [taps(rows, height), taps(columns, width)];
  const [source, result] = [x.data, new Float32Array(count * channels * height * width)];
  let at = 0;
  for (let plane = 0; plane < count * channels; plane++) {
    for (const vertical of down) {
      for (const horizontal of across) {
        let sum = 0;
        for (const { at: row, weight } of vertical) {
          let line = 0;
          for (const tap of horizontal) {
            line += tap.weight * Number(source[(plane * rows + row) * columns + tap.at]);
          }
          sum += weight * line;
        }
        result[at++] = sum;
      }
    }
  }
  return new Tensor("float32", result, [count, channels, height, width]);
}
