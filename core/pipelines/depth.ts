import type { FeatureExtractor, Model } from "../model.ts";
import { Tensor } from "../tensor.ts";
import type { PictureInput } from "../media.ts";

/** The role of a model that sees how far away things are. */
export interface DepthEstimator<C extends object = object> extends Model<C> {
  /**
   * Depth of each pixel.
   *
   * @param pixelValues What the feature extractor made of the pictures, float32 [N, 3, H, W].
   * @returns float32 [N, h, w], larger where things are near.
   */
  forward(pixelValues: Tensor): Promise<{ readonly predictedDepth: Tensor }>;
}

/** What sees depth. */
export interface DepthComponents {
  /** DPTForDepthEstimation. */
  readonly depthEstimator: DepthEstimator;
  /** DPTImageProcessor. */
  readonly featureExtractor: FeatureExtractor;
}

/** The depth of pictures as the estimator sees it, float32 [N, h, w]. */
export async function estimateDepth(
  { depthEstimator, featureExtractor }: DepthComponents,
  pictures: readonly PictureInput[],
): Promise<Tensor> {
  const pixelValues = await featureExtractor.preprocess(pictures);
  return (await depthEstimator.forward(pixelValues)).predictedDepth;
}

/**
 * Depth as a fifth channel of latents: resized, and stretched to -1..1 for each picture.
 *
 * @param depth float32 [N, h, w] or [N, 1, h, w], any range.
 * @returns float32 [N, 1, height, width].
 * @throws {TypeError} for another shape.
 * @throws {RangeError} for a depth map that is the same everywhere.
 */
export function depthChannel(depth: Tensor, height: number, width: number): Tensor {
  const maps = depth.dims.length === 3 ? depth.unsqueeze(1) : depth;
  if (maps.dims.length !== 4 || maps.dims[1] !== 1) {
    throw new TypeError(
      `Cannot take depth of shape [${depth.dims.join(", ")}]: it must be float32 [N, h, w]`,
    );
  }
  const resized = resizeBicubic(maps.astype("float32"), height, width);
  const low = resized.min([1, 2, 3], { keepDims: true });
  const high = resized.max([1, 2, 3], { keepDims: true });
  const flat = high.sub(low);
  if (flat.data.some((range) => !(Number(range) > 0))) {
    throw new RangeError(
      "Cannot take a depth map that is the same everywhere: it must tell near from far",
    );
  }
  return resized.sub(low).mul(2).div(flat).sub(1);
}

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
