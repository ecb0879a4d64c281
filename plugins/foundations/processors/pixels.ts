import { type ImageCodec, type ImageInput, Tensor } from "@denoise/core";

/** How pixels are scaled, by the names of preprocessor_config.json. */
export interface PixelConfig {
  /** Pillow's number of the resampling filter: 0 nearest, 1 LANCZOS, 2 bilinear, 3 bicubic. */
  readonly resample: 0 | 1 | 2 | 3;
  /** Whether bytes are multiplied by `rescale_factor`. */
  readonly do_rescale: boolean;
  /** Brings bytes to 0..1. */
  readonly rescale_factor: number;
  /** Whether channels are normalised by `image_mean` and `image_std`. */
  readonly do_normalize: boolean;
  /** Taken from red, green and blue. */
  readonly image_mean: readonly number[];
  /** Divides red, green and blue. */
  readonly image_std: readonly number[];
}

/** The names of Pillow's filters by their numbers. */
export const pillowFilters = ["nearest", "lanczos", "bilinear", "bicubic"] as const;

/**
 * Pixels as a model takes them: whole bytes, scaled, then with mean and deviation taken out.
 *
 * @param pixels float32 [N, 3, H, W] in 0..1.
 */
export function scalePixels(pixels: Tensor, config: PixelConfig): Tensor {
  const bytes = pixels.mul(255).round();
  const scaled = config.do_rescale ? bytes.mul(config.rescale_factor) : bytes;
  if (!config.do_normalize) return scaled;
  const row = (values: readonly number[]) => Tensor.from(Float32Array.from(values), [1, 3, 1, 1]);
  return scaled.sub(row(config.image_mean)).div(row(config.image_std));
}

/** An image without alpha: transformers lays a transparent one on white. */
export async function onWhite(codec: ImageCodec, input: ImageInput): Promise<ImageInput> {
  if (input instanceof Tensor || codec.editor === undefined) return input;
  const image = await codec.editor.open(input);
  const { width, height, channels, data } = image;
  if (channels !== 4) return image;
  const area = width * height;
  const rgb = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    const alpha = data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[c * area + i] = data[4 * i + c]! / 255 * alpha + 1 - alpha;
  }
  return codec.fromTensor(new Tensor("float32", rgb, [1, 3, height, width]))[0]!;
}
