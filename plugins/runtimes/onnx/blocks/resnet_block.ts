import type { Scope, Value } from "../graph/mod.ts";
import {
  activation,
  add,
  avgPool2d,
  chunk,
  conv2d,
  div,
  groupNorm,
  linear,
  mul,
  unsqueeze,
  upsampleNearest,
} from "../nn/mod.ts";

/** What all residual blocks of a model have in common. */
export interface ResnetOptions {
  /** Groups of the normalizations. */
  readonly groups: number;
  /** Added to variances. */
  readonly eps: number;
  /** Name of the activation function. */
  readonly activation: string;
  /** Whether the time embedding is added, or scales and shifts; `"default"` unless given. */
  readonly timeScaleShift?: "default" | "scale_shift" | undefined;
  /** Whether the time embedding goes in without activation. */
  readonly skipTimeActivation?: boolean | undefined;
  /** What the result is divided by; 1 unless given. */
  readonly outputScale?: number | undefined;
  /** Whether the block also halves or doubles height and width. */
  readonly resample?: "down" | "up" | undefined;
}

/**
 * A residual block, told of the time by `temb` (`ResnetBlock2D`).
 *
 * @param x [N, C, H, W].
 * @param temb [N, E]; a block of an autoencoder has none.
 * @returns [N, C', H', W'].
 */
export function resnetBlock(
  s: Scope,
  x: Value,
  temb: Value | undefined,
  options: ResnetOptions,
): Value {
  const { groups, eps, outputScale = 1, resample } = options;
  const act = (value: Value) => activation(s, value, options.activation);
  const resize = (value: Value) =>
    resample === "down"
      ? avgPool2d(s, value, 2)
      : resample === "up"
      ? upsampleNearest(s, value)
      : value;

  let h = resize(act(groupNorm(s.at("norm1"), x, { groups, eps })));
  h = conv2d(s.at("conv1"), h, { padding: 1 }); // [N, C', H', W']
  h = timed(s, h, temb, options);
  h = conv2d(s.at("conv2"), act(h), { padding: 1 });

  const input = resize(x);
  const shortcut = s.has("conv_shortcut") ? conv2d(s.at("conv_shortcut"), input) : input;
  const sum = add(s, shortcut, h);
  return outputScale === 1 ? sum : div(s, sum, outputScale);
}

/** The second normalization, with the time embedding before it or as its scale and shift. */
function timed(s: Scope, h: Value, temb: Value | undefined, options: ResnetOptions): Value {
  const norm = { groups: options.groups, eps: options.eps };
  if (temb === undefined) return groupNorm(s.at("norm2"), h, norm);
  const input = options.skipTimeActivation ? temb : activation(s, temb, options.activation);
  const projected = unsqueeze(s, linear(s.at("time_emb_proj"), input), [2, 3]); // [N, ., 1, 1]
  if (options.timeScaleShift !== "scale_shift") {
    return groupNorm(s.at("norm2"), add(s, h, projected), norm);
  }
  const [scale, shift] = chunk(s, projected, 2, 1) as [Value, Value];
  const normal = groupNorm(s.at("norm2"), h, norm);
  return add(s, mul(s, normal, add(s, scale, 1)), shift);
}
