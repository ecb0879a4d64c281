import type { Scope, Value } from "../graph/mod.ts";
import { add, mul, rmsNorm } from "../nn/mod.ts";
import { modulate } from "./modulation.ts";

/** What a {@linkcode sandwichBlock} is made of. */
export interface SandwichBlockOptions {
  /** The normalizations before and after attention, then before and after the feed forward. */
  readonly norms: readonly [Scope, Scope, Scope, Scope];
  /** Scale and gate of attention, then of the feed forward; none where there is no time. */
  readonly vectors: readonly Value[];
  /** Added to the mean square of the normalizations. */
  readonly eps: number;
  /** Attention of tokens, [N, tokens, C]. */
  attend(x: Value): Value;
  /** The feed forward, [N, tokens, C]. */
  feed(x: Value): Value;
}

/**
 * Attention and feed forward, normalized before and after, modulated where there is a time: the block of
 * Z-Image and Lumina 2.
 *
 * @param x [N, tokens, C].
 */
export function sandwichBlock(
  s: Scope,
  x: Value,
  { norms, vectors, eps, attend, feed }: SandwichBlockOptions,
): Value {
  const [scale, gate, scaleFf, gateFf] = vectors;
  const normal = norms.map((norm) => (of: Value) => rmsNorm(norm, of, { eps }));
  const [before, after, beforeFf, afterFf] = normal as [Layer, Layer, Layer, Layer];
  const scaled = (of: Value, by: Value | undefined) => by === undefined ? of : modulate(s, of, by);
  const gated = (of: Value, by: Value | undefined) =>
    by === undefined ? of : mul(s, s.op("Tanh", [by]), of);
  const attended = after(attend(scaled(before(x), scale)));
  const y = add(s, x, gated(attended, gate));
  return add(s, y, gated(afterFf(feed(scaled(beforeFf(y), scaleFf))), gateFf));
}

type Layer = (of: Value) => Value;
