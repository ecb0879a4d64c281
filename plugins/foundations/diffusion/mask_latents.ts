import { type GeneratorInput, Tensor } from "@denoise/core";
import { encodeToLatents, repeatRows } from "./image_latents.ts";
import { type LatentComponents, latentSpace, vaeScaleFactor } from "./latents.ts";

/** A mask and what is left of the image, as a denoiser takes them beside latents. */
export interface MaskLatents {
  /** float32 [N, 1, h, w], 1 where the image is inpainted. */
  readonly mask: Tensor;
  /** Latents of the image without what the mask covers, float32 [N, C, h, w]. */
  readonly masked: Tensor;
}

/**
 * Every `factor`-th pixel, from the first on: nearest resizing to the size of the latents.
 *
 * @param mask float32 [N, 1, H, W].
 * @returns float32 [N, 1, H / factor, W / factor].
 */
export function shrinkMask(mask: Tensor, factor: number): Tensor {
  const [rows, columns] = mask.dims.slice(2) as [number, number];
  const pick = (size: number) => Array.from({ length: size / factor }, (_, i) => i * factor);
  const lines = Tensor.cat(pick(rows).map((i) => mask.slice(2, i, i + 1)), 2);
  return Tensor.cat(pick(columns).map((i) => lines.slice(3, i, i + 1)), 3);
}

/**
 * Brings a mask and the image that it covers to latents, one row for each image to make.
 *
 * @param images float32 [N, 3, H, W] in -1..1, or latents.
 * @param mask float32 [N, 1, H, W], 1 where the image is inpainted.
 * @param given Latents of the covered image, where the caller has them.
 */
export async function maskLatents(
  { vae }: Pick<LatentComponents, "vae">,
  images: Tensor,
  mask: Tensor,
  generator: GeneratorInput,
  count: number,
  given?: Tensor,
): Promise<MaskLatents> {
  const isLatent = images.dims[1] === latentSpace(vae).channels;
  const covered = isLatent ? images : images.mul(mask.map((x) => x < 0.5 ? 1 : 0));
  return {
    mask: repeatRows(shrinkMask(mask, vaeScaleFactor(vae)), count, "masks"),
    masked: await encodeToLatents(vae, given ?? covered, generator, count),
  };
}
