import type { Scope, Value, Weight } from "../graph/mod.ts";
import { withChanges } from "./lora.ts";

/** Options of a convolution, as in torch. */
export interface ConvOptions {
  /** Step between outputs; 1 unless given. */
  readonly stride?: number;
  /** Zeros on every side, or at top, left, bottom and right; 0 unless given. */
  readonly padding?: number | readonly [number, number, number, number];
  /** Step between the elements of the kernel; 1 unless given. */
  readonly dilation?: number;
  /** Groups of channels that are convolved apart; 1 unless given. */
  readonly groups?: number;
}

/** A convolution of [N, C, H, W]; channels and kernel are those of the checkpoint's `weight`. */
export function conv2d(
  s: Scope,
  x: Value,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions = {},
): Value {
  const weight = s.tensor("weight"); // [C', C / groups, h, w]
  const bias = s.has("bias") ? [s.tensor("bias")] : [];
  const convolve = (kernel: Weight) =>
    s.op("Conv", [x, kernel, ...(kernel === weight ? bias : [])], {
      kernel_shape: kernel.dims.slice(2),
      strides: [stride, stride],
      pads: typeof padding === "number" ? Array(4).fill(padding) : padding,
      dilations: [dilation, dilation],
      group: groups,
    });
  return withChanges(
    s,
    convolve(weight),
    4,
    (down, up) => s.op("Conv", [convolve(down), up], { kernel_shape: [1, 1] }),
  );
}

/** A transposed convolution of [N, C, H, W], as torch's ConvTranspose2d with `padding` a number. */
export function convTranspose2d(
  s: Scope,
  x: Value,
  { stride = 1, padding = 0 }: { readonly stride?: number; readonly padding?: number } = {},
): Value {
  const weight = s.tensor("weight"); // [C, C', h, w]
  const bias = s.has("bias") ? [s.tensor("bias")] : [];
  return s.op("ConvTranspose", [x, weight, ...bias], {
    kernel_shape: weight.dims.slice(2),
    strides: [stride, stride],
    pads: Array(4).fill(padding),
  });
}
