import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  chunk,
  conv2d,
  groupNorm,
  linear,
  mul,
  unsqueeze,
  upsampleNearestLike,
} from "../nn/mod.ts";

/**
 * Group normalization whose scale and shift come from the latents at each place (`SpatialNorm`;
 * Zheng et al., 2022, arXiv:2209.09002).
 *
 * @param x [N, C, H, W].
 * @param latents [N, C', h, w], brought to the size of `x` by repeating pixels.
 */
export function spatialNorm(s: Scope, x: Value, latents: Value): Value {
  const normal = groupNorm(s.at("norm_layer"), x, { groups: 32, eps: 1e-6 });
  const at = upsampleNearestLike(s, latents, x); // [N, C', H, W]
  return add(s, mul(s, normal, conv2d(s.at("conv_y"), at)), conv2d(s.at("conv_b"), at));
}

/**
 * Group normalization whose scale and shift come from an embedding (`AdaGroupNorm`).
 *
 * @param x [N, C, H, W].
 * @param embedding [N, E].
 */
export function adaGroupNorm(
  s: Scope,
  x: Value,
  embedding: Value,
  options: { readonly groups: number; readonly eps: number },
): Value {
  const wide = unsqueeze(s, linear(s.at("linear"), embedding), [2, 3]); // [N, 2C, 1, 1]
  const [scale, shift] = chunk(s, wide, 2, 1) as [Value, Value];
  const normal = groupNorm(s, x, { ...options, affine: false });
  return add(s, mul(s, normal, add(s, scale, 1)), shift);
}
