import type { Scope, Value } from "../graph/mod.ts";
import { conv2d, doubledConv2d, upsampleNearestLike } from "../nn/mod.ts";

/**
 * Halves height and width with a convolution (`Downsample2D`).
 *
 * @param padding 1, or 0 for a row and a column of zeros at bottom and right alone.
 */
export function downsample(s: Scope, x: Value, padding = 1): Value {
  return conv2d(s.at("conv"), x, {
    stride: 2,
    padding: padding === 0 ? [0, 0, 1, 1] : padding,
  });
}

/**
 * Doubles height and width, repeating pixels, then convolves (`Upsample2D`).
 *
 * @param like A value to take height and width from, for sizes that are no multiple of two.
 * @param pixels How many pixels the result has as a rule.
 */
export function upsample(s: Scope, x: Value, like?: Value, pixels?: number): Value {
  const conv = s.at("conv");
  if (like === undefined) return doubledConv2d(conv, x, pixels);
  return conv2d(conv, upsampleNearestLike(s, x, like), { padding: 1, pixels });
}
