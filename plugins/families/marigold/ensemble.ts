import { Tensor } from "@denoise/core";
import { alignDepth, type AlignOptions, medianIndex } from "./align.ts";
import { resizePrediction, sizeOfEdge } from "./photo.ts";

/** Predictions of one photo brought together. */
export interface Ensembled {
  /** float32 [1, C, H, W]. */
  readonly prediction: Tensor;
  /** How far they are from each other, float32 [1, C or 1, H, W]. */
  readonly uncertainty: Tensor;
}

/** How depth maps are brought together. */
export interface EnsembleDepthOptions extends Partial<Omit<AlignOptions, "reduction">> {
  /** At each place their mean, or the lower of the middle ones. Defaults to `"median"`. */
  readonly reduction?: AlignOptions["reduction"] | undefined;
  /** Longer side of the maps that are aligned, where they are larger. Defaults to 1024. */
  readonly maxRes?: number | null | undefined;
}

/**
 * Aligns depth maps of one photo and brings them together, from 0 to 1.
 *
 * @param depth float32 [E, 1, H, W].
 */
export function ensembleDepth(depth: Tensor, options: EnsembleDepthOptions): Ensembled {
  const { shiftInvariant = true, reduction = "median", maxRes = 1024 } = options;
  const [height, width] = depth.dims.slice(2) as [number, number];
  const isLarge = maxRes !== null && Math.max(height, width) > maxRes;
  const small = isLarge
    ? resizePrediction(depth, sizeOfEdge({ height, width }, maxRes), "nearest-exact")
    : depth;
  const maps = rowsOf(small);
  const { scales, shifts } = alignDepth(maps, { ...options, shiftInvariant, reduction });
  const aligned = rowsOf(depth).map((map, i) => map.map((x) => scales[i]! * x + shifts[i]!));
  const { prediction, uncertainty } = reduced(aligned, reduction);
  const high = prediction.reduce((a, b) => Math.max(a, b), -Infinity);
  const low = shiftInvariant ? prediction.reduce((a, b) => Math.min(a, b), Infinity) : 0;
  const range = Math.max(1e-6, high - low);
  const dims = [1, ...depth.dims.slice(1)];
  return {
    prediction: new Tensor("float32", prediction.map((x) => (x - low) / range), dims),
    uncertainty: new Tensor("float32", uncertainty.map((x) => x / range), dims),
  };
}

/**
 * Brings images of one photo together, at each place by their mean or median.
 *
 * @param images float32 [E, C, H, W].
 * @returns The uncertainty is the standard deviation, or the median distance from the median.
 */
export function ensembleImages(images: Tensor, reduction: "mean" | "median"): Ensembled {
  const { prediction, uncertainty } = reduced(rowsOf(images), reduction);
  const dims = [1, ...images.dims.slice(1)];
  return {
    prediction: new Tensor("float32", prediction, dims),
    uncertainty: new Tensor("float32", uncertainty, dims),
  };
}

/**
 * Brings normals of one photo together: their mean, or of them the one nearest to that.
 *
 * @param normals Of unit length, float32 [E, 3, H, W].
 * @returns The uncertainty is their mean angle to the mean in half turns, 0..1.
 */
export function ensembleNormals(normals: Tensor, reduction: "mean" | "closest"): Ensembled {
  const mean = unitLength(normals.mean([0], { keepDims: true }));
  const [count, , height, width] = normals.dims as [number, number, number, number];
  const likeness = mean.mul(normals).sum([1], { keepDims: true }).clamp(-1, 1); // [E, 1, H, W]
  const angles = likeness.map((x) => Math.acos(x)).mean([0], { keepDims: true });
  const uncertainty = angles.div(Math.PI);
  if (reduction === "mean") return { prediction: mean, uncertainty };
  const pixels = height * width;
  const [likely, source] = [likeness.toFloat32Array(), normals.toFloat32Array()];
  const closest = new Float32Array(3 * pixels);
  for (let k = 0; k < pixels; k++) {
    let best = 0;
    for (let i = 1; i < count; i++) {
      if (likely[i * pixels + k]! > likely[best * pixels + k]!) best = i;
    }
    for (let c = 0; c < 3; c++) closest[c * pixels + k] = source[(best * 3 + c) * pixels + k]!;
  }
  return { prediction: new Tensor("float32", closest, [1, 3, height, width]), uncertainty };
}

/** Vectors along the channels, of length 1: float32 [N, 3, H, W]. */
export function unitLength(normals: Tensor): Tensor {
  const squares = normals.mul(normals).sum([1], { keepDims: true });
  return normals.div(squares.map((x) => Math.max(1e-6, Math.fround(Math.sqrt(x)))));
}

function rowsOf(x: Tensor): Float32Array[] {
  const data = x.toFloat32Array();
  const length = data.length / x.dims[0]!;
  return Array.from({ length: x.dims[0]! }, (_, i) => data.slice(i * length, (i + 1) * length));
}

function reduced(rows: readonly Float32Array[], reduction: "mean" | "median") {
  const at = (reduce: (values: Float32Array, k: number) => number) => {
    const values = new Float32Array(rows.length);
    return Float32Array.from(rows[0]!, (_, k) => {
      for (const [i, row] of rows.entries()) values[i] = row[k]!;
      return reduce(values, k);
    });
  };
  if (reduction === "mean") {
    const mean = (values: Float32Array) => values.reduce((sum, x) => sum + x, 0) / values.length;
    const prediction = at(mean);
    const uncertainty = at((values) => {
      const middle = mean(values);
      const squares = values.reduce((sum, x) => sum + (x - middle) ** 2, 0);
      return Math.sqrt(squares / (values.length - 1));
    });
    return { prediction, uncertainty };
  }
  const median = (values: Float32Array) => values.sort()[medianIndex(values.length)]!;
  const prediction = at(median);
  const uncertainty = at((values, k) => median(values.map((x) => Math.abs(x - prediction[k]!))));
  return { prediction, uncertainty };
}
