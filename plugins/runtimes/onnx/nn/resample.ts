import type { Scope, Value } from "../graph/mod.ts";
import { concat, shapeOf } from "./shape.ts";

const NEAREST = {
  mode: "nearest",
  coordinate_transformation_mode: "asymmetric",
  nearest_mode: "floor",
} as const;

/** Enlarges [N, C, H, W] by a whole factor, repeating pixels: [N, C, factor·H, factor·W]. */
export function upsampleNearest(s: Scope, x: Value, factor = 2): Value {
  const scales = s.graph.floats([1, 1, factor, factor], [4], "float32");
  return s.op("Resize", [x, undefined, scales], NEAREST);
}

/** Brings [N, C, H, W] to the height and width of `like`, repeating pixels. */
export function upsampleNearestLike(s: Scope, x: Value, like: Value): Value {
  const sizes = concat(s, [shapeOf(s, x, 0, 2), shapeOf(s, like, 2, 4)], 0);
  return s.op("Resize", [x, undefined, undefined, sizes], NEAREST);
}

/** Options of bilinear resizing. */
export interface BilinearOptions {
  /** Whole factor for height and width. */
  readonly factor: number;
  /** Whether the corner pixels' centres stay the corners, as torch's `align_corners`. */
  readonly alignCorners?: boolean;
}

/** Enlarges [N, C, H, W] by a whole factor with bilinear interpolation. */
export function upsampleBilinear(
  s: Scope,
  x: Value,
  { factor, alignCorners = false }: BilinearOptions,
): Value {
  const scales = s.graph.floats([1, 1, factor, factor], [4], "float32");
  return s.op("Resize", [x, undefined, scales], {
    mode: "linear",
    coordinate_transformation_mode: alignCorners ? "align_corners" : "half_pixel",
  });
}

/** The mean of each `size`×`size` window of [N, C, H, W], stepping by `stride` (size unless given). */
export function avgPool2d(s: Scope, x: Value, size: number, stride: number = size): Value {
  return s.op("AveragePool", [x], { kernel_shape: [size, size], strides: [stride, stride] });
}
