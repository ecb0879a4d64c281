import type { Scope, Value } from "../graph/mod.ts";
import { chunk, conv2d, mul, silu } from "../nn/mod.ts";

/**
 * A gated feed forward on images: 1x1, 3x3 of each channel by itself, a half that gates the other, 1x1
 * (`GLUMBConv` of Sana, without its normalization and shortcut).
 *
 * @param x [N, C, H, W].
 */
export function glumbConv(s: Scope, x: Value): Value {
  const wide = silu(s, conv2d(s.at("conv_inverted"), x));
  const channels = s.shape("conv_depth.weight")[0]!;
  const deep = conv2d(s.at("conv_depth"), wide, { padding: 1, groups: channels });
  const [hidden, gate] = chunk(s, deep, 2, 1) as [Value, Value];
  return conv2d(s.at("conv_point"), mul(s, hidden, silu(s, gate)), { bias: false });
}
