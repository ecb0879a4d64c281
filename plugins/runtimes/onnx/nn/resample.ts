import type { Scope, Value } from "../graph/mod.ts";
import { imageSize, resized } from "./image_size.ts";
import { concat, shapeOf } from "./shape.ts";

const NEAREST = {
  mode: "nearest",
  coordinate_transformation_mode: "asymmetric",
  nearest_mode: "floor",
} as const;

/** Enlarges [N, C, H, W] by a whole factor, repeating pixels: [N, C, factor·H, factor·W]. */
export function upsampleNearest(s: Scope, x: Value, factor = 2): Value {
  const scales = s.graph.floats([1, 1, factor, factor], [4], "float32");
  const larger = (image: Value) => s.op("Resize", [image, undefined, scales], NEAREST);
  return resized(s, larger(x), x, larger);
}

/** Brings [N, C, H, W] to the height and width of `like`, repeating pixels. */
export function upsampleNearestLike(s: Scope, x: Value, like: Value): Value {
  const size = imageSize(s, like);
  if (s.graph.lowering.groupNorm !== "GroupNorm") {
    // all four sizes: onnxruntime 1.30 loses them where it moves a transposition across `axes`
    const sizes = concat(s, [shapeOf(s, x, 0, 2), size], 0);
    return s.op("Resize", [x, undefined, undefined, sizes], NEAREST);
  }
  const result = s.op("Resize", [x, undefined, undefined, size], { ...NEAREST, axes: [2, 3] });
  return resized(s, result, like, (small) => small);
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

/** The mean of each `size`×`size` window of [N, C, H, W], stepping by `stride` (size by default). */
export function avgPool2d(s: Scope, x: Value, size: number, stride: number = size): Value {
  return s.op("AveragePool", [x], { kernel_shape: [size, size], strides: [stride, stride] });
}

/**
 * The mean of each window of 2x2 pixels, where a side is odd of the one or two that are left at its end:
 * [N, C, ⌈H/2⌉, ⌈W/2⌉], as torch's `AvgPool2d` with `ceil_mode`.
 */
export function halveByMean(s: Scope, x: Value): Value {
  const attributes = { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1, count_include_pad: 0 };
  return s.op("AveragePool", [x], attributes);
}

/**
 * Pixels as channels, each channel's `factor`² pixels one after the other: [N, C, H, W] to
 * [N, factor²·C, H / factor, W / factor], as torch's `pixel_unshuffle`.
 */
export function pixelUnshuffle(
  s: Scope,
  x: Value,
  { channels, factor }: { readonly channels: number; readonly factor: number },
): Value {
  const deep = s.op("SpaceToDepth", [x], { blocksize: factor }); // places first, then channels
  const places = factor ** 2;
  const order = Array.from(
    { length: places * channels },
    (_, i) => (i % places) * channels + Math.floor(i / places),
  );
  return s.op("Gather", [deep, s.ints(order)], { axis: 1 }, { dtype: x.dtype });
}

/** (1, 3, 3, 1) times itself, so that it sums to `gain`, once for each channel: [C, 1, 4, 4]. */
function firKernel(s: Scope, channels: number, gain: number): Value {
  const row = [1, 3, 3, 1];
  const kernel = row.flatMap((y) => row.map((x) => y * x * gain / 64));
  return s.floats(Array.from({ length: channels }, () => kernel).flat(), [channels, 1, 4, 4]);
}

/**
 * Halves height and width behind the smoothing filter (1, 3, 3, 1), with zeros around the image
 * (`FirDownsample2D`; Zhang 2019, arXiv:1904.11486): [N, C, H/2, W/2].
 */
export function firDownsample(s: Scope, x: Value, channels: number): Value {
  return s.op("Conv", [x, firKernel(s, channels, 1)], {
    kernel_shape: [4, 4],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    group: channels,
  });
}

/** Doubles height and width with zeros in between and the filter of {@linkcode firDownsample}. */
export function firUpsample(s: Scope, x: Value, channels: number): Value {
  return s.op("ConvTranspose", [x, firKernel(s, channels, 4)], {
    kernel_shape: [4, 4],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    group: channels,
  });
}

/** A row and a column of mirrored pixels on each side. */
function mirrored(s: Scope, x: Value): Value {
  return s.op("Pad", [x, s.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: "reflect" });
}

/**
 * Halves height and width behind the filter of {@linkcode firDownsample}, with mirrored pixels around
 * the image (`KDownsample2D`): [N, C, H/2, W/2].
 */
export function kDownsample(s: Scope, x: Value, channels: number): Value {
  return s.op("Conv", [mirrored(s, x), firKernel(s, channels, 1)], {
    kernel_shape: [4, 4],
    strides: [2, 2],
    pads: [0, 0, 0, 0],
    group: channels,
  });
}

/** Doubles height and width with that filter and mirrored pixels around (`KUpsample2D`). */
export function kUpsample(s: Scope, x: Value, channels: number): Value {
  return s.op("ConvTranspose", [mirrored(s, x), firKernel(s, channels, 4)], {
    kernel_shape: [4, 4],
    strides: [2, 2],
    pads: [3, 3, 3, 3],
    group: channels,
  });
}

/** Pads [N, C, H, W] with zeros at top, left, bottom and right. */
export function pad2d(
  s: Scope,
  x: Value,
  [top, left, bottom, right]: readonly [number, number, number, number],
): Value {
  const pads = s.ints([0, 0, top, left, 0, 0, bottom, right]);
  const padded = (image: Value) => s.op("Pad", [image, pads]);
  return resized(s, padded(x), x, padded);
}
