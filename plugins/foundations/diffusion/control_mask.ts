import type { CallOptions, ImageCodec, Tensor } from "@denoise/core";
import { type ImagesInput, prepareMasks } from "./image_input.ts";
import { type LatentComponents, vaeScaleFactor } from "./latents.ts";
import { shrinkMask } from "./mask_latents.ts";
import type { SizeOptions } from "./size.ts";

/** Options of a call whose ControlNets inpaint. */
export interface ControlMaskOption {
  /** What is inpainted: white, in one mask for all or one for each prompt. */
  readonly controlMask: ImagesInput;
}

/** The declarations of {@linkcode ControlMaskOption}. */
export const controlMaskOption: CallOptions<ControlMaskOption> = {
  controlMask: { type: "image", list: "allowed", required: true },
};

/** A control image as a ControlNet that inpaints sees it. */
export interface CoveredControl {
  /** The images, black where they are inpainted, float32 [N, 3, H, W] in -1..1. */
  readonly images: Tensor;
  /** 1 where they are not, in the size of latents, float32 [N, 1, h, w]. */
  readonly kept: Tensor;
}

/**
 * Covers what of control images is inpainted.
 *
 * @param images float32 [N, 3, H, W] in -1..1.
 * @param mask One for all of them, or one for each.
 */
export async function coverControl(
  codec: ImageCodec,
  { vae }: Pick<LatentComponents, "vae">,
  images: Tensor,
  mask: ImagesInput,
  size: SizeOptions,
): Promise<CoveredControl> {
  const given = await prepareMasks(codec, mask, size);
  const masks = given.dims[0] === 1 ? given.repeatInterleave(images.dims[0]!, 0) : given;
  const opposite = (of: Tensor) => of.mul(-1).add(1);
  return {
    images: images.mul(opposite(masks)).sub(masks),
    kept: opposite(shrinkMask(masks, vaeScaleFactor(vae))),
  };
}
