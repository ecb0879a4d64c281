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
 * A mask in the size of the latents: every `factor`-th pixel, from the first on (nearest resizing), or the mean of
 * the pixels around the middle of each latent (bilinear).
 *
 * @param mask float32 [N, 1, H, W].
 * @param isBlended Whether it is resized bilinearly. Defaults to false.
 * @returns float32 [N, 1, H / factor, W / factor].
 */
export function shrinkMask(mask: Tensor, factor: number, isBlended = false): Tensor {
  const middle = (factor - 1) / 2;
  const places = isBlended ? [Math.floor(middle), Math.ceil(middle)] : [0];
  const shrink = (from: Tensor, axis: number) => {
    const size = from.dims[axis]! / factor;
    const picked = places.map((place) =>
      Tensor.cat(
        Array.from({ length: size }, (_, i) => {
          const at = i * factor + place;
          return from.slice(axis, at, at + 1);
        }),
        axis,
      )
    );
    return picked.reduce((sum, part) => sum.add(part)).div(places.length);
  };
  return shrink(shrink(mask, 2), 3);
}

/**
 * What puts one tensor where a mask is 1 and another where it is 0, with shares of both between.
 *
 * @param mask 0..1, of the tensors' shape or one that is spread over it.
 */
export function mixerBy(mask: Tensor): (inside: Tensor, outside: Tensor) => Tensor {
  const rest = mask.mul(-1).add(1);
  return (inside, outside) => inside.mul(mask).add(outside.mul(rest));
}

/**
 * Brings a mask and the image that it covers to latents, one row for each image to make.
 *
 * @param images float32 [N, 3, H, W] in -1..1, or latents.
 * @param mask float32 [N, 1, H, W], 1 where the image is inpainted.
 * @param given Latents of the covered image, where the caller has them.
 * @param isBlended Whether the mask is resized bilinearly.
 */
export async function maskLatents(
  { vae }: Pick<LatentComponents, "vae">,
  images: Tensor,
  mask: Tensor,
  generator: GeneratorInput,
  count: number,
  given?: Tensor,
  isBlended = false,
): Promise<MaskLatents> {
  const isLatent = images.dims[1] === latentSpace(vae).channels;
  const covered = isLatent ? images : images.mul(mask.map((x) => x < 0.5 ? 1 : 0));
  return {
    mask: repeatRows(shrinkMask(mask, vaeScaleFactor(vae), isBlended), count, "masks"),
    masked: await encodeToLatents(vae, given ?? covered, generator, count),
  };
}
