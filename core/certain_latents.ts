import type { LatentDistribution } from "./model.ts";
import { Tensor } from "./tensor.ts";

/**
 * Latents as a distribution of which every draw is the same: what an encoder gives that is not
 * variational.
 *
 * @param latents float32 [N, C, h, w].
 *
 * @example
 * ```ts
 * import { certainLatents, Tensor } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const latents = Tensor.ones([1, 4, 2, 2]);
 * assertEquals(certainLatents(latents).sample(), latents);
 * ```
 */
export function certainLatents(latents: Tensor): LatentDistribution {
  return {
    mean: latents,
    logvar: Tensor.full(latents.dims, -30),
    sample: () => latents,
    mode: () => latents,
  };
}
