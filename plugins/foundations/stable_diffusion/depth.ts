import type { ImageInput, Model, Tensor } from "@denoise/core";
import type { FeatureExtractor } from "@denoise/roles";
import { resizeSpatial } from "@denoise/diffusion";

/** The role of a model that sees how far away things are. */
export interface DepthEstimator<C extends object = object> extends Model<C> {
  /**
   * Depth of each pixel.
   *
   * @param pixelValues What the feature extractor made of the images, float32 [N, 3, H, W].
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

/** The depth of images as the estimator sees it, float32 [N, h, w]. */
export async function estimateDepth(
  { depthEstimator, featureExtractor }: DepthComponents,
  images: readonly ImageInput[],
): Promise<Tensor> {
  const pixelValues = await featureExtractor.preprocess(images);
  return (await depthEstimator.forward(pixelValues)).predictedDepth;
}

/**
 * Depth as a fifth channel of latents: resized, and stretched to -1..1 for each image.
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
  const resized = resizeSpatial(maps.astype("float32"), height, width, "bicubic");
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
