import {
  type ImageCodec,
  type ImageInput,
  type ImageSize,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import { type ImagesInput, prepareImages, prepareMasks } from "@denoise/diffusion";

/** How images become pixels. */
export interface PixelsOptions {
  /** Of the pixels. */
  readonly channels: number;
  /** What the shorter side is brought to. Images keep their size by default. */
  readonly side?: number | undefined;
}

/**
 * Images as pixels in -1..1; tensors are in that range, and are taken as they are.
 *
 * @returns float32 [N, C, H, W].
 * @throws {TypeError} for tensors of another shape, and for images of different sizes.
 */
export async function pixelsOf(
  codec: ImageCodec,
  images: ImagesInput,
  { channels, side }: PixelsOptions,
): Promise<Tensor> {
  const rows = await Promise.all(
    itemsOf(images).map(async (item) => {
      if (item instanceof Tensor) return batchOf(item, channels);
      const size = side === undefined ? {} : fitted(await codec.toTensor(item), side);
      return await prepareImages(codec, item, { multiple: 1, resample: "bicubic", ...size });
    }),
  );
  const sizes = new Set(rows.map(({ dims }) => `${dims[3]}x${dims[2]}`));
  if (sizes.size === 1) return Tensor.cat(rows);
  throw new TypeError(
    `Cannot take images of different sizes together (${
      [...sizes].join(", ")
    }): give images of one shape`,
  );
}

/**
 * Masks in the size of their images: made grey, then resized as Pillow's BICUBIC does, and cut at half.
 *
 * @returns float32 [N, 1, H, W], 1 where an image may change.
 */
export async function masksOf(
  codec: ImageCodec,
  masks: ImagesInput,
  size: ImageSize,
): Promise<Tensor> {
  const grey = await Promise.all(
    itemsOf(masks).map(async (item) =>
      item instanceof Tensor
        ? item
        : codec.fromTensor(await codec.toTensor(item, { mode: "L" }))[0]!
    ),
  );
  return await prepareMasks(codec, grey, { ...size, resample: "bicubic" });
}

function itemsOf(images: ImagesInput): readonly ImageInput[] {
  const items = [images].flat() as readonly ImageInput[];
  if (items.length > 0) return items;
  throw new RangeError("Cannot take images: the list is empty");
}

function batchOf(tensor: Tensor, channels: number): Tensor {
  const batch = tensor.dims.length === 3 ? tensor.unsqueeze(0) : tensor;
  if (batch.dims.length === 4 && batch.dims[1] === channels) return batch.astype("float32");
  throw new TypeError(
    `Cannot take a tensor of shape [${tensor.dims.join(", ")}] as images: it must be float32 ` +
      `[N, ${channels}, H, W] in -1..1, as outputType "latent" gives it`,
  );
}

/** The size in which the shorter side of an image is `side`, and the longer one a multiple of 8 (`resize` of IF). */
function fitted({ dims }: Tensor, side: number): ImageSize {
  const [height = 1, width = 1] = dims.slice(2);
  const shape = width / height;
  return shape >= 1
    ? { height: side, width: roundHalfEven(side / 8 * shape) * 8 }
    : { height: roundHalfEven(side / 8 / shape) * 8, width: side };
}
