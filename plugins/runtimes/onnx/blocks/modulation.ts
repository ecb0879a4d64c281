import type { Scope, Value } from "../graph/mod.ts";
import { add, chunk, layerNorm, linear, mul, silu, unsqueeze } from "../nn/mod.ts";

/** Options of {@linkcode modulation}. */
export interface ModulationOptions {
  /** Whether SiLU comes before the linear layer. Defaults to true. */
  readonly activate?: boolean | undefined;
  /** Whether the linear layer has a bias. Defaults to true. */
  readonly bias?: boolean | undefined;
}

/**
 * What the time makes of a block: `count` vectors that shift, scale and gate, each [N, 1, C]
 * (`AdaLayerNormZero` with 6, `AdaLayerNormZeroSingle` with 3, `AdaLayerNormContinuous` with 2). The scope
 * is that of the linear layer.
 *
 * @param temb [N, C].
 */
export function modulation(
  s: Scope,
  temb: Value,
  count: number,
  { activate = true, bias }: ModulationOptions = {},
): Value[] {
  const vectors = linear(s, activate ? silu(s, temb) : temb, { bias }); // [N, count·C]
  return chunk(s, unsqueeze(s, vectors, [1]), count, -1);
}

/**
 * x·(1 + scale) + shift.
 *
 * @param x [N, tokens, C].
 * @param scale [N, 1, C].
 * @param shift [N, 1, C]; without one nothing is added.
 */
export function modulate(s: Scope, x: Value, scale: Value, shift?: Value): Value {
  const scaled = mul(s, x, add(s, scale, 1));
  return shift === undefined ? scaled : add(s, scaled, shift);
}

/**
 * A layer normalization without weights of its own, then {@linkcode modulate}.
 *
 * @param options.width Channels.
 * @param options.eps Added to the variance. Defaults to 1e-6.
 */
export function modulatedNorm(
  s: Scope,
  x: Value,
  [scale, shift]: readonly [scale: Value, shift?: Value],
  { width, eps = 1e-6 }: { readonly width: number; readonly eps?: number },
): Value {
  return modulate(s, layerNorm(s, x, { width, eps }), scale, shift);
}

/**
 * What a table of the block and the time make of it: vectors that shift, scale and gate, each [N, 1, C]
 * (adaLN-single: Chen et al., 2023, arXiv:2310.00426).
 *
 * @param time [N, count, C], or [N, 1, C] for all of them.
 */
export function tableModulation(s: Scope, time: Value, count: number): Value[] {
  return chunk(s, add(s, s.tensor("scale_shift_table"), time), count, 1);
}
