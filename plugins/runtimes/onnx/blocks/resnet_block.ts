import type { Scope, Value } from "../graph/mod.ts";
import {
  activation,
  add,
  avgPool2d,
  chunk,
  conv2d,
  div,
  firDownsample,
  firUpsample,
  groupNorm,
  linear,
  mul,
  sum,
  unsqueeze,
  upsampleNearest,
} from "../nn/mod.ts";
import { adaGroupNorm, spatialNorm } from "./norm.ts";

/** What all residual blocks of a model have in common. */
export interface ResnetOptions {
  /** Groups of the normalizations. */
  readonly groups: number;
  /** Groups of the second normalization, where they are others. */
  readonly groupsOut?: number | undefined;
  /** Added to variances. */
  readonly eps: number;
  /** Name of the activation function. */
  readonly activation: string;
  /**
   * Whether the time embedding is added (`"default"` by default), scales and shifts, or does so in
   * both normalizations; for `"spatial"` it is the latents that do so.
   */
  readonly timeScaleShift?: "default" | "scale_shift" | "ada_group" | "spatial" | undefined;
  /** Whether the time embedding goes in without activation. */
  readonly skipTimeActivation?: boolean | undefined;
  /** What the result is divided by. Defaults to 1. */
  readonly outputScale?: number | undefined;
  /** Whether the block also halves or doubles height and width. */
  readonly resample?: "down" | "up" | undefined;
  /** How it does: by means and repeated pixels, or with a filter; without one by default. */
  readonly filter?: "fir" | undefined;
  /** Whether a convolution stands beside the block although channels stay (`use_in_shortcut`). */
  readonly shortcut?: boolean | undefined;
  /** Whether that convolution has a bias. Defaults to true. */
  readonly shortcutBias?: boolean | undefined;
  /** How many pixels an image has here as a rule. */
  readonly pixels?: number | undefined;
}

/**
 * A residual block, conditioned on the time by `temb` (`ResnetBlock2D`).
 *
 * @param x [N, C, H, W].
 * @param temb [N, E]; latents [N, C, h, w] for `"spatial"`; else a block of an autoencoder has none.
 * @returns [N, C', H', W'].
 */
export function resnetBlock(
  s: Scope,
  x: Value,
  temb: Value | undefined,
  options: ResnetOptions,
): Value {
  const { groups, outputScale = 1, pixels } = options;

  let h = resize(s, activated(s.at("norm1"), x, temb, groups, options), options);
  h = conv2d(s.at("conv1"), h, { padding: 1, pixels }); // [N, C', H', W']
  h = timed(s, h, temb, options);
  h = conv2d(s.at("conv2"), h, { padding: 1, pixels });

  const whole = sum(s, shortcut(s, resize(s, x, options), options), h);
  return outputScale === 1 ? whole : div(s, whole, outputScale);
}

/** What comes past the block: through a convolution where it changes the number of channels. */
function shortcut(s: Scope, x: Value, options: ResnetOptions): Value {
  const changes = s.shape("conv1.weight")[1] !== s.shape("conv2.weight")[0];
  if (!changes && !options.shortcut) return x;
  return conv2d(s.at("conv_shortcut"), x, { bias: options.shortcutBias });
}

/** Another height and width, where the block changes them. */
function resize(s: Scope, x: Value, { resample, filter }: ResnetOptions): Value {
  if (resample === undefined) return x;
  if (filter === undefined) return resample === "down" ? avgPool2d(s, x, 2) : upsampleNearest(s, x);
  const channels = s.shape("norm1.weight")[0]!;
  return resample === "down" ? firDownsample(s, x, channels) : firUpsample(s, x, channels);
}

/**
 * A normalization, conditioned on time or place where the block's are (`ResnetBlockCondNorm2D`), and the
 * activation function.
 */
function activated(
  s: Scope,
  x: Value,
  temb: Value | undefined,
  groups: number,
  { eps, timeScaleShift, activation: name }: ResnetOptions,
): Value {
  if (timeScaleShift === "spatial") return activation(s, spatialNorm(s, x, temb!), name);
  if (timeScaleShift === "ada_group") {
    return activation(s, adaGroupNorm(s, x, temb!, { groups, eps }), name);
  }
  return groupNorm(s, x, { groups, eps, activation: name });
}

/**
 * The second normalization, with the time embedding before it or as its scale and shift, and the
 * activation function.
 */
function timed(s: Scope, h: Value, temb: Value | undefined, options: ResnetOptions): Value {
  const { eps, activation: name, timeScaleShift } = options;
  const groups = options.groupsOut ?? options.groups;
  const isTold = timeScaleShift === "ada_group" || timeScaleShift === "spatial";
  if (temb === undefined || isTold) return activated(s.at("norm2"), h, temb, groups, options);
  const input = options.skipTimeActivation ? temb : activation(s, temb, name);
  const projection = s.at("time_emb_proj");
  if (timeScaleShift !== "scale_shift") {
    const each = linear(projection, input, { bias: false }); // [N, C']
    const before = { each, all: projection.tensor("bias") };
    return groupNorm(s.at("norm2"), h, { groups, eps, activation: name, before });
  }
  const wide = unsqueeze(s, linear(projection, input), [2, 3]); // [N, 2C', 1, 1]
  const [scale, shift] = chunk(s, wide, 2, 1) as [Value, Value];
  const normal = groupNorm(s.at("norm2"), h, { groups, eps });
  return activation(s, add(s, mul(s, normal, add(s, scale, 1)), shift), name);
}
