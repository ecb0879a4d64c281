import { type ImageCodec, Tensor } from "@denoise/core";
import type { Watermarker } from "@denoise/roles";

/** Of a square image of this side the mark keeps its own size. */
const WHOLE = 1024;
/** Pixels between the mark and the edges of such an image. */
const MARGIN = 14;

/**
 * Puts a mark into the lower right corner of images (`IFWatermarker.apply_watermark`): its size follows the area of
 * the image, which for images smaller than `sampleSize` is that of one as large. Where not a pixel of it is left,
 * images stay as they are.
 *
 * @param images float32 [N, 3, H, W] in 0..1.
 * @param sampleSize The side that the model was trained for.
 * @returns float32 [N, 3, H, W] in whole steps of 1/255.
 */
export async function applyWatermark(
  codec: ImageCodec,
  images: Tensor,
  watermarker: Watermarker,
  sampleSize: number,
): Promise<Tensor> {
  const [, , height = 0, width = 0] = images.dims;
  const share = Math.min(1, height / sampleSize, width / sampleSize);
  const [rows, columns] = [Math.trunc(height / share), Math.trunc(width / share)];
  const scale = Math.sqrt(rows * columns / WHOLE ** 2);
  const mark = watermarker.mark();
  const side = Math.trunc(scale * mark.dims[0]!);
  if (side < 1) return images;
  const [bottom, right] = [rows, columns].map((end) => end - Math.trunc(MARGIN * scale));
  const [whole] = codec.fromTensor(mark.permute([2, 0, 1]).unsqueeze(0).div(255));
  const size = { width: side, height: side, resample: "bicubic", mode: "RGBA" } as const;
  const sized = await codec.toTensor(whole!, size);
  return pasteImage(images, sized, { top: bottom! - side, left: right! - side });
}

/**
 * An image with an alpha pasted into others, cut at their edges, as Pillow does in whole numbers.
 *
 * @param images float32 [N, 3, H, W] in 0..1.
 * @param mark The image that is pasted, float32 [1, 4, h, w] in 0..1.
 * @param corner Where its upper left corner is, in pixels of the others.
 * @returns float32 [N, 3, H, W] in whole steps of 1/255.
 */
export function pasteImage(
  images: Tensor,
  mark: Tensor,
  { top, left }: { readonly top: number; readonly left: number },
): Tensor {
  const [count, channels, height, width] = images.dims as [number, number, number, number];
  const [, , rows, columns] = mark.dims as [number, number, number, number];
  const levels = levelsOf(images);
  const paint = levelsOf(mark);
  const area = rows * columns;
  for (let plane = 0; plane < count * channels; plane++) {
    const color = plane % channels * area;
    for (let y = Math.max(0, -top); y < Math.min(rows, height - top); y++) {
      for (let x = Math.max(0, -left); x < Math.min(columns, width - left); x++) {
        const at = (plane * height + top + y) * width + left + x;
        const from = y * columns + x;
        levels[at] = mixed(levels[at]!, paint[color + from]!, paint[3 * area + from]!);
      }
    }
  }
  return new Tensor("float32", Float32Array.from(levels, (level) => level / 255), images.dims);
}

/** Values of 0..1 as levels of 0..255, rounded as where images are made of them. */
function levelsOf(x: Tensor): Uint8ClampedArray {
  return Uint8ClampedArray.from(x.toFloat32Array(), (value) => Math.fround(value * 255));
}

/** Two levels mixed by an alpha of 0..255, its division rounded as by Pillow. */
function mixed(below: number, above: number, alpha: number): number {
  const sum = below * (255 - alpha) + above * alpha + 128;
  return ((sum >> 8) + sum) >> 8;
}
