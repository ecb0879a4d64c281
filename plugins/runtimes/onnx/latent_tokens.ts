import type { Tensor } from "@denoise/core";

/**
 * Latents [N, C, H, W] as tokens of patch x patch, [N, H/patch·W/patch, patch²·C], the channels of a latent
 * together.
 */
export function latentTokens(latents: Tensor, patch: number): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h / patch, patch, w / patch, patch])
    .permute([0, 2, 4, 3, 5, 1])
    .reshape([n, (h / patch) * (w / patch), patch * patch * c]);
}
