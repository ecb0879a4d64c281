import { MICROSOFT, type Scope, type Value } from "../graph/mod.ts";
import { mul } from "./arithmetic.ts";
import { concat, placesAlong, reshape, reshapeLike, split } from "./shape.ts";

/** Cosines and sines of the angles by which the tokens of a row are turned. */
export interface Rotary {
  /** Float [tokens, width of a head / 2]. */
  readonly cos: Value;
  /** Float [tokens, width of a head / 2]. */
  readonly sin: Value;
}

/** The same of a batch whose rows differ. */
export interface RotaryOfRows extends Rotary {
  /** Which of the angles turns each token, int64 [N, tokens]. */
  readonly rows: Value;
}

/** How positions are stretched beyond those that a model was trained with at first: all alike, or as YaRN does. */
export type RotaryStretch = LinearStretch | YarnStretch;

/** Every wave by the factor (Chen et al., 2023, arXiv:2306.15595). */
export interface LinearStretch {
  /** How many times longer texts may be. */
  readonly factor: number;
}

/** Long waves by the factor, short ones not, those between in part (YaRN: Peng et al., 2023, arXiv:2309.00071). */
export interface YarnStretch extends LinearStretch {
  /** How many positions the model was trained with at first. */
  readonly positions: number;
  /** Waves that turn so often within these positions, or more, stay. */
  readonly fast: number;
  /** Waves that turn so often, or less, are stretched by the whole factor. */
  readonly slow: number;
  /** Whether the waves between begin and end at whole channels. */
  readonly truncate: boolean;
  /** What cosines and sines are multiplied with. */
  readonly amplitude: number;
}

/** Options of {@linkcode rotaryEmbedding}. */
export interface RotaryOptions {
  /** How many of a head's channels each axis turns; even numbers, which add up to its width. */
  readonly widths: readonly number[];
  /** The longest wavelength is 2π times this, of all axes or of each. Defaults to 10000. */
  readonly theta?: number | readonly number[] | undefined;
  /** How positions are stretched; not at all by default. */
  readonly stretch?: RotaryStretch | undefined;
}

/**
 * Rotary positions (Su et al., 2021, arXiv:2104.09864) over any number of axes: the channels of a
 * head are shared out among the axes, and those of an axis are turned by its coordinate. Angles are
 * computed in float32 whatever type the graph computes in.
 *
 * @param ids float32 [tokens, axes]: the coordinates of each token.
 */
export function rotaryEmbedding(s: Scope, ids: Value, options: RotaryOptions): Rotary {
  const { widths, theta = 10000, stretch } = options;
  const columns = widths.length === 1 ? [ids] : split(s, ids, widths.map(() => 1), 1);
  const angles = widths.map((width, axis) => {
    const own = typeof theta === "number" ? theta : theta[axis]!;
    const turns = rates(width, own, stretch);
    return mul(s, columns[axis]!, s.graph.floats(turns, [1, width / 2], "float32"));
  });
  const all = angles.length === 1 ? angles[0]! : concat(s, angles, 1); // [tokens, width / 2]
  return waves(s, all, stretch);
}

/** Cosines and sines of angles. */
function waves(s: Scope, angles: Value, stretch: RotaryStretch | undefined): Rotary {
  const amplitude = stretch !== undefined && "amplitude" in stretch ? stretch.amplitude : 1;
  const grown = (wave: Value) => s.cast(amplitude === 1 ? wave : mul(s, wave, amplitude));
  return { cos: grown(s.op("Cos", [angles])), sin: grown(s.op("Sin", [angles])) };
}

/**
 * Rotary positions along one axis that are each row's own.
 *
 * @param places int64 [N, tokens]: the position of each token.
 * @param width How many of a head's channels are turned.
 */
export function rotaryOfRows(s: Scope, places: Value, width: number, theta?: number): RotaryOfRows {
  const flat = reshape(s, places, [-1, 1]); // [N·tokens, 1]
  const all = placesAlong(s, flat, 0); // [N·tokens]
  return {
    ...rotaryEmbedding(s, s.cast(flat, "float32"), { widths: [width], theta }),
    rows: reshapeLike(s, all, places),
  };
}

/**
 * Rotary positions whose pairs of channels are shared out among the axes, with the wavelengths of a single axis
 * (M-RoPE of Qwen2-VL: arXiv:2409.12191).
 *
 * @param ids float32 [tokens, axes]: the coordinates of each token.
 * @param options.width Channels of a head.
 * @param options.count How many axes there are.
 * @param options.axes Which axis turns each pair, half as many as there are channels.
 * @param options.stretch How positions are stretched; not at all by default.
 */
export function sharedRotary(
  s: Scope,
  ids: Value,
  { width, theta, count, axes, stretch }: {
    readonly width: number;
    readonly theta: number;
    readonly count: number;
    readonly axes: readonly number[];
    readonly stretch?: RotaryStretch | undefined;
  },
): Rotary {
  const all = rates(width, theta, stretch);
  const half = width / 2;
  const table = new Float32Array(count * half);
  for (const [pair, axis] of axes.entries()) table[axis * half + pair] = all[pair]!;
  const turns = s.graph.floats(table, [count, half], "float32");
  const angles = s.op("MatMul", [ids, turns]); // [tokens, width / 2]
  return waves(s, angles, stretch);
}

/** theta^(−2i/width), the angle for each step of a coordinate, of stretched positions a part of that. */
function rates(width: number, theta: number, stretch?: RotaryStretch): Float32Array {
  const { factor = 1 } = stretch ?? {};
  const part = stretch !== undefined && "positions" in stretch
    ? stretchedParts(width, theta, stretch)
    : () => 1 / factor;
  return Float32Array.from({ length: width / 2 }, (_, i) => theta ** (-2 * i / width) * part(i));
}

/** What is left of each wave's angle (`_compute_yarn_parameters` of transformers). */
function stretchedParts(
  width: number,
  theta: number,
  { factor, positions, fast, slow, truncate }: YarnStretch,
): (pair: number) => number {
  // the channel whose wave turns so often within the positions
  const channel = (turns: number) =>
    width * Math.log(positions / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  const low = Math.max(truncate ? Math.floor(channel(fast)) : channel(fast), 0);
  const high = Math.min(truncate ? Math.ceil(channel(slow)) : channel(slow), width - 1);
  const span = high === low ? 0.001 : high - low;
  return (pair) => {
    const stretched = Math.min(Math.max((pair - low) / span, 0), 1);
    return stretched / factor + 1 - stretched;
  };
}

/** Options of {@linkcode rotate}. */
export interface RotateOptions {
  /** How many heads the last axis holds. */
  readonly heads: number;
  /**
   * Which channels form a pair: neighbours (`"interleaved"`: FLUX, Lumina), or one of the first and
   * one of the second half of a head (`"half-split"`: Llama, Qwen, Stable Audio).
   */
  readonly pairs: "interleaved" | "half-split";
  /** Channels of a head that are turned, the first ones; the others stay. Defaults to all. */
  readonly width?: number | undefined;
}

/**
 * Turns queries or keys by their positions.
 *
 * @param x [N, tokens, heads·width].
 */
export function rotate(
  s: Scope,
  x: Value,
  rotary: Rotary | RotaryOfRows,
  options: RotateOptions,
): Value {
  const { heads, pairs, width } = options;
  const { cos, sin } = rotary;
  const rows = "rows" in rotary ? rotary.rows : s.ints([0]);
  return s.op("RotaryEmbedding", [x, rows, cos, sin], {
    num_heads: heads,
    rotary_embedding_dim: width,
    interleaved: pairs === "interleaved" ? 1 : 0,
  }, { domain: MICROSOFT });
}
