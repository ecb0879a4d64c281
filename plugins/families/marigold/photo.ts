import { type ImageCodec, type ImageInput, type ImageSize, Tensor } from "@denoise/core";
import { type ImagesInput, resizeSpatial, type SpatialMode } from "@denoise/diffusion";

/** The ways of resizing that Marigold's calls know. */
export const resampleMethods = ["nearest", "nearest-exact", "bilinear", "bicubic", "area"] as const;

/** One of {@linkcode resampleMethods}, by its name in torch. */
export type ResampleMethod = typeof resampleMethods[number];

/** A photo as the encoder takes it. */
export interface PreparedPhotos {
  /** float32 [N, 3, H, W] in -1..1, both sides multiples of the latents'. */
  readonly images: Tensor;
  /** The size without what fills the sides up. */
  readonly inner: ImageSize;
  /** The photo's own size. */
  readonly original: ImageSize;
}

/**
 * Photos as Marigold takes them: in -1..1, their longer side brought to a resolution, and their last row and
 * column repeated up to multiples of the latents' size.
 *
 * @param resolution The longer side in pixels; 0 for the photo's own.
 * @throws {TypeError} for photos of different sizes.
 * @throws {RangeError} for tensors outside of 0..1, and photos too narrow for the resolution.
 */
export async function preparePhotos(
  codec: ImageCodec,
  images: ImagesInput,
  resolution: number,
  method: ResampleMethod,
  factor: number,
): Promise<PreparedPhotos> {
  const rows = await Promise.all(
    [images].flat().map((image) => codec.toTensor(image as ImageInput, { mode: "RGB" })),
  );
  const sizes = new Set(rows.map(({ dims }) => `${dims[3]}x${dims[2]}`));
  if (sizes.size !== 1) {
    throw new TypeError(
      `Cannot look at photos of different sizes together (${
        [...sizes].join(", ") || "none"
      }): give ` +
        "one, or several of one size",
    );
  }
  const photos = Tensor.cat(rows.map((row) => row.dims[1] === 1 ? row.repeat([1, 3, 1, 1]) : row));
  if (photos.min().item() < 0 || photos.max().item() > 1) {
    throw new RangeError(
      `Cannot look at a tensor with values in ${photos.min().item()}..${photos.max().item()}: they ` +
        "must be in 0..1",
    );
  }
  const [height, width] = photos.dims.slice(2) as [number, number];
  const inner = resolution === 0 ? { height, width } : sizeOfEdge({ height, width }, resolution);
  const resized = resolution === 0
    ? photos.mul(2).sub(1)
    : resizePrediction(photos.mul(2).sub(1), inner, method, true);
  return { images: filledUp(resized, factor), inner, original: { height, width } };
}

/**
 * The size with that many pixels on the longer side.
 *
 * @throws {RangeError} where the other side would have none.
 */
export function sizeOfEdge({ height, width }: ImageSize, edge: number): ImageSize {
  const longest = Math.max(height, width);
  const size = {
    height: Math.floor(height * edge / longest),
    width: Math.floor(width * edge / longest),
  };
  if (size.height > 0 && size.width > 0) return size;
  throw new RangeError(
    `Cannot process ${width}x${height} at a resolution of ${edge}: one side would have no pixels`,
  );
}

/**
 * Resizes as `interpolate` of torch does.
 *
 * @param x float32 [N, C, H, W].
 * @param antialias Whether bilinear and bicubic look at all pixels that a smaller one covers.
 */
export function resizePrediction(
  x: Tensor,
  { height, width }: ImageSize,
  method: ResampleMethod,
  antialias = false,
): Tensor {
  const smooth = method === "bilinear" || method === "bicubic";
  const mode: SpatialMode = antialias && smooth ? `${method}-antialias` : method;
  return resizeSpatial(x, height, width, mode);
}

/** The last row and the last column repeated until both sides are multiples. */
function filledUp(x: Tensor, multiple: number): Tensor {
  const [, , height, width] = x.dims as [number, number, number, number];
  const [rows, columns] = [height, width].map((size) =>
    Math.ceil(size / multiple) * multiple - size
  );
  const below = Array<Tensor>(rows!).fill(x.slice(2, height - 1, height));
  const taller = Tensor.cat([x, ...below], 2);
  return Tensor.cat(
    [taller, ...Array<Tensor>(columns!).fill(taller.slice(3, width - 1, width))],
    3,
  );
}
