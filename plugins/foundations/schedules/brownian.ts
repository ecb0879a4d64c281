import { defaultGenerator, Generator, type GeneratorInput, Tensor } from "@denoise/core";
import { seedSequence } from "./_seed_sequence.ts";

/** Digits that times are rounded to. */
const DIGITS = 6;
/** Words that a seed is spread over. */
const POOL_SIZE = 24;
/** Pieces whose increments are kept: those of one time and its neighbours. */
const CACHED = 100;

const f = Math.fround;

/** A number rounded to 6 digits as Python's `round` does, ties to even. */
function roundTime(time: number): number {
  const half = time * 128; // only odd multiples of 1/128 lie between two numbers of 6 digits
  if (!Number.isInteger(half) || half % 2 === 0) return Number(time.toFixed(DIGITS));
  const below = Math.floor(time * 10 ** DIGITS);
  return (below % 2 === 0 ? below : below + 1) / 10 ** DIGITS;
}

/** A piece of time in the tree; its halves are made when they are needed. */
class Piece {
  readonly start: number;
  readonly end: number;
  readonly parent: Piece | undefined;
  readonly isLeft: boolean;
  readonly key: number;
  readonly depth: number;
  #middle: number | undefined;
  #halves: readonly [Piece, Piece] | undefined;

  constructor(start: number, end: number, parent?: Piece, isLeft = false) {
    this.start = roundTime(start);
    this.end = roundTime(end);
    this.parent = parent;
    this.isLeft = isLeft;
    this.key = parent === undefined ? 0 : 2 * parent.key + (isLeft ? 0 : 1);
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  get middle(): number {
    return this.#middle ??= roundTime(0.5 * (this.end + this.start));
  }

  get halves(): readonly [Piece, Piece] {
    return this.#halves ??= [
      new Piece(this.start, this.middle, this, true),
      new Piece(this.middle, this.end, this, false),
    ];
  }
}

/**
 * The path of a Brownian motion, determined by its seed alone: the same path however it is asked
 * for. Its increments are those of `torchsde.BrownianInterval` with `halfway_tree`, `tol` 1e-6 and
 * `pool_size` 24, as the stochastic schedulers of diffusers use it: time is halved again and again,
 * and each half gets its share of the increment and its own noise.
 *
 * @example
 * ```ts
 * import { BrownianPath } from "@denoise/schedules";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const path = new BrownianPath({ start: 0, end: 1, dims: [1], seed: 0 });
 * const whole = path.increment(0.2, 0.6).item();
 * const parts = path.increment(0.2, 0.5).item() + path.increment(0.5, 0.6).item();
 * assertAlmostEquals(whole, parts, 1e-6); // roundings of float32
 * ```
 */
export class BrownianPath {
  readonly #root: Piece;
  readonly #whole: Tensor;
  readonly #seed: bigint;
  readonly #dims: readonly number[];
  readonly #cache: Map<Piece, Tensor> = new Map();

  /**
   * A path from a time to a later one.
   *
   * @param options.dims Shape of its points.
   * @param options.seed An integer from 0.
   * @throws {RangeError} unless the end comes after the start.
   */
  constructor(
    options: {
      readonly start: number;
      readonly end: number;
      readonly dims: readonly number[];
      readonly seed: number | bigint;
    },
  ) {
    const { start, end, dims, seed } = options;
    if (!(end > start)) {
      throw new RangeError(
        `A Brownian path ends after it starts, but it is from ${start} to ${end}`,
      );
    }
    this.#root = new Piece(start, end);
    this.#seed = BigInt(seed);
    this.#dims = dims;
    const [first] = seedSequence(this.#seed, [], POOL_SIZE, 3);
    this.#whole = this.#normal(first!).mul(Math.sqrt(end - start));
  }

  /**
   * The increment between two times, negative normal noise when they fall; times outside the path
   * count as its ends.
   */
  increment(from: number, to: number): Tensor {
    if (from > to) return this.increment(to, from).neg();
    const clip = (time: number): number =>
      Math.min(Math.max(time, this.#root.start), this.#root.end);
    const [start, end] = [roundTime(clip(from)), roundTime(clip(to))];
    if (start === end) return Tensor.zeros(this.#dims);
    return this.#pieces(this.#root, start, end)
      .map((piece) => this.#incrementOf(piece))
      .reduce((sum, increment) => sum.add(increment));
  }

  #normal(seed: number): Tensor {
    return Generator.manualSeed(seed).randn(this.#dims);
  }

  /** The largest pieces that make up the time between, in order. */
  #pieces(piece: Piece, start: number, end: number): Piece[] {
    if (start === piece.start && end === piece.end) return [piece];
    const [left, right] = piece.halves;
    const { middle } = piece;
    if (end <= middle) return this.#pieces(left, start, end);
    if (start >= middle) return this.#pieces(right, start, end);
    return [...this.#pieces(left, start, middle), ...this.#pieces(right, middle, end)];
  }

  #incrementOf(piece: Piece): Tensor {
    const { parent } = piece;
    if (parent === undefined) return this.#whole;
    const known = this.#cache.get(piece);
    if (known !== undefined) return known;
    const [left, right] = this.#halve(parent, this.#incrementOf(parent));
    this.#keep(parent.halves[0], left);
    this.#keep(parent.halves[1], right);
    return piece.isLeft ? left : right;
  }

  /** The increments of the halves: their shares of the whole, and noise that one has and one lacks. */
  #halve(parent: Piece, whole: Tensor): [Tensor, Tensor] {
    const reciprocal = 1 / (parent.end - parent.start);
    const [before, after] = [parent.middle - parent.start, parent.end - parent.middle];
    const [seed] = seedSequence(this.#seed, [parent.key, parent.depth], POOL_SIZE, 4);
    const values = whole.toFloat32Array();
    const noise = this.#normal(seed!).toFloat32Array();
    const [a, b, c] = [before, reciprocal, Math.sqrt(before * after * reciprocal)].map(f) as [
      number,
      number,
      number,
    ];
    const left = new Float32Array(values.length);
    const right = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) {
      left[i] = f(f(values[i]! * a) * b) + f(noise[i]! * c);
      right[i] = values[i]! - left[i]!;
    }
    return [new Tensor("float32", left, this.#dims), new Tensor("float32", right, this.#dims)];
  }

  #keep(piece: Piece, increment: Tensor): void {
    this.#cache.set(piece, increment);
    if (this.#cache.size > CACHED) this.#cache.delete(this.#cache.keys().next().value!);
  }
}

/** Where the noise of a step between two sigmas comes from. */
export interface BrownianNoiseOptions {
  /** The smallest sigma. */
  readonly min: number;
  /** The largest sigma. */
  readonly max: number;
  /** Shape of the sample; its first axis is the batch. */
  readonly dims: readonly number[];
  /** The type of the noise; float16 is float32 rounded. float32 by default. */
  readonly dtype?: "float32" | "float16" | undefined;
  /** A seed for the whole sample, or one for each of the batch. */
  readonly seed: number | bigint | readonly (number | bigint)[];
}

/**
 * Normal noise for steps between sigmas that belongs together: that of two steps adds up to that of
 * the step over both (`BrownianTreeNoiseSampler` of diffusers and k-diffusion).
 *
 * @throws {RangeError} when there are neither one nor as many seeds as samples.
 */
export function brownianNoise(
  { min, max, dims, seed, dtype = "float32" }: BrownianNoiseOptions,
): (from: number, to: number) => Tensor {
  const path = (own: number | bigint, shape: readonly number[]): BrownianPath =>
    new BrownianPath({ start: min, end: max, dims: shape, seed: own });
  const isList = Array.isArray(seed);
  const seeds = (isList ? seed : [seed]) as readonly (number | bigint)[];
  if (isList && seeds.length !== dims[0]) {
    throw new RangeError(
      `Cannot make noise for a batch of ${dims[0]} from ${seeds.length} seeds: give one for each`,
    );
  }
  const paths = isList ? seeds.map((own) => path(own, dims.slice(1))) : [path(seeds[0]!, dims)];
  return (from, to) => {
    const increments = paths.map((each) => each.increment(from, to));
    const whole = isList ? Tensor.stack(increments) : increments[0]!;
    return whole.div(Math.sqrt(f(Math.abs(f(to - from))))).astype(dtype);
  };
}

/**
 * Seeds for Brownian noise that are drawn from the generator of a run: one, or one for each of a
 * list; from the default generator when there is none.
 */
export function drawSeeds(generator: GeneratorInput | undefined): number | number[] {
  const draw = (from: Generator): number => from.randint(0, Number.MAX_SAFE_INTEGER, [1]).item();
  if (generator === undefined) return draw(defaultGenerator());
  return generator instanceof Generator ? draw(generator) : generator.map(draw);
}
