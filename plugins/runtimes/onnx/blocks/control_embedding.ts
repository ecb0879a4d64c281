import type { Scope, Value } from "../graph/mod.ts";
import { conv2d, silu } from "../nn/mod.ts";

/**
 * An image that controls, brought down to the size of latents (`ControlNetConditioningEmbedding`).
 *
 * @param image [N, channels, H, W].
 * @param levels How many widths its convolutions have; the image is halved between them.
 * @returns [N, C, h, w].
 */
export function controlEmbedding(s: Scope, image: Value, levels: number): Value {
  const blocks = 2 * (levels - 1);
  let x = silu(s, conv2d(s.at("conv_in"), image, { padding: 1 }));
  for (let i = 0; i < blocks; i++) {
    x = silu(s, conv2d(s.at("blocks", i), x, { padding: 1, stride: i % 2 === 1 ? 2 : 1 }));
  }
  return conv2d(s.at("conv_out"), x, { padding: 1 });
}
