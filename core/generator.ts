import { MersenneTwister } from "./_mersenne_twister.ts";
import { normalBlocks } from "./_normal.ts";
import { encodeFloat16 } from "./float16.ts";
import { checkDims, sizeOf } from "./_layout.ts";
import { Tensor } from "./tensor.ts";

/** What a {@linkcode Generator} goes on from; made by `getState()`. */
export interface GeneratorState {
  /** The seed it was started with. */
  readonly initialSeed: bigint;
  /** The 624 words of the Mersenne Twister. */
  readonly words: Uint32Array;
  /** The place of the next word. */
  readonly next: number;
  /** The second number of a pair of normal numbers that was not used yet. */
  readonly normal: number | undefined;
}

/** Floating-point types that random numbers can be drawn in. */
export type RandomDType = "float32" | "float64" | "float16";

/**
 * A source of random numbers that gives the very numbers of `torch.Generator("cpu")` for the same
 * seed and the same sequence of calls: float32 `randn`, `rand` and `randint` are equal bit for bit
 * to torch 2.13 on x86-64 processors with AVX2.
 *
 * torch draws normal numbers in two ways: fewer than 16 one by one in float64, keeping the second
 * of each pair for later; 16 and more by blocks of 16 in float32.
 *
 * @category Random numbers
 *
 * @example
 * ```ts
 * import { Generator } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const generator = Generator.manualSeed(0);
 * const noise = generator.randn([1, 3, 256, 256]);
 * assertEquals([...noise.data.slice(0, 2)], [-1.1258398294448853, -1.1523602008819580]);
 * ```
 */
export class Generator {
  #engine: MersenneTwister;
  #initialSeed: bigint;
  #normal: number | undefined;

  /**
   * A generator started with a seed.
   *
   * @param seed An integer from -2^63 to 2^64 - 1; negative ones count from 2^64 down, as in
   *   torch. torch's own default seed when absent.
   */
  constructor(seed: number | bigint = 67280421310721n) {
    this.#initialSeed = checkSeed(seed);
    this.#engine = new MersenneTwister(Number(this.#initialSeed & 0xffffffffn));
  }

  /** A new generator started with a seed: `torch.Generator("cpu").manual_seed(seed)`. */
  static manualSeed(seed: number | bigint): Generator {
    return new Generator(seed);
  }

  /** Starts again with a seed. */
  manualSeed(seed: number | bigint): this {
    this.#initialSeed = checkSeed(seed);
    this.#engine = new MersenneTwister(Number(this.#initialSeed & 0xffffffffn));
    this.#normal = undefined;
    return this;
  }

  /** The seed that it was last started with. */
  get initialSeed(): bigint {
    return this.#initialSeed;
  }

  /** Starts again with a seed that nobody can know, and returns it. */
  seed(): bigint {
    const [seed] = crypto.getRandomValues(new BigUint64Array(1));
    this.manualSeed(seed! & 0x1fffffffffffffn);
    return this.#initialSeed;
  }

  /**
   * Normal numbers with mean 0 and standard deviation 1. Those of float16 are float32 ones rounded,
   * unless the size is no multiple of 16: then the last 16 come from other draws, as in torch.
   * Those of float64 are torch's up to the last bit, in which one of 600 differs.
   */
  randn(dims: readonly number[], dtype: RandomDType = "float32"): Tensor {
    checkDims(dims);
    const size = sizeOf(dims);
    const out = dtype === "float64" ? new Float64Array(size) : new Float32Array(size);
    if (size < 16) {
      for (let i = 0; i < size; i++) out[i] = this.#nextNormal();
    } else {
      this.#fillNormal(out, dtype === "float16" ? size - size % 16 : size);
    }
    return new Tensor(dtype, dtype === "float16" ? encodeFloat16(out) : out, dims);
  }

  /** Numbers spread evenly over [0, 1), multiples of 2^-24 (float64: of 2^-53). */
  rand(dims: readonly number[], dtype: "float32" | "float64" = "float32"): Tensor {
    checkDims(dims);
    const size = sizeOf(dims);
    const out = dtype === "float32" ? new Float32Array(size) : new Float64Array(size);
    this.#fillUniform(out);
    return new Tensor(dtype, out, dims);
  }

  /**
   * Integers from `low` up to `high` (left out), as int64.
   *
   * @throws {RangeError} unless low < high, both safe integers.
   */
  randint(low: number, high: number, dims: readonly number[]): Tensor {
    checkDims(dims);
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low >= high) {
      const bounds = `from ${low} up to ${high}`;
      throw new RangeError(`Cannot draw integers ${bounds}: give safe ones, the first smaller`);
    }
    const range = BigInt(high) - BigInt(low);
    const base = BigInt(low);
    const draw = range < 1n << 28n
      ? () => BigInt(this.#engine.next() % Number(range))
      : () => this.#next64() % range;
    const out = new BigInt64Array(sizeOf(dims));
    for (let i = 0; i < out.length; i++) out[i] = base + draw();
    return new Tensor("int64", out, dims);
  }

  /** The integers from 0 up to `n` (left out) in a random order, as int64. */
  randperm(n: number): Tensor {
    checkDims([n]);
    const out = BigInt64Array.from({ length: n }, (_, i) => BigInt(i));
    for (let i = 0; i < n - 1; i++) {
      const other = i + this.#engine.next() % (n - i);
      [out[i], out[other]] = [out[other]!, out[i]!];
    }
    return new Tensor("int64", out, [n]);
  }

  /** A generator that goes on as this one does, independently of it. */
  clone(): Generator {
    return new Generator().setState(this.getState());
  }

  /** What it takes to go on from here. */
  getState(): GeneratorState {
    const { words, next } = this.#engine.save();
    return { initialSeed: this.#initialSeed, words, next, normal: this.#normal };
  }

  /** Goes on from a state. */
  setState(state: GeneratorState): this {
    this.#initialSeed = state.initialSeed;
    this.#engine.restore(state.words, state.next);
    this.#normal = state.normal;
    return this;
  }

  #next64(): bigint {
    const high = this.#engine.next();
    return (BigInt(high) << 32n) | BigInt(this.#engine.next());
  }

  /** A float64 of [0, 1): the low 53 of 64 bits. */
  #nextDouble(): number {
    const high = this.#engine.next() & 0x1fffff;
    return (high * 2 ** 32 + this.#engine.next()) * 2 ** -53;
  }

  #nextNormal(): number {
    const kept = this.#normal;
    this.#normal = undefined;
    if (kept !== undefined) return kept;
    const angle = 2 * Math.PI * this.#nextDouble();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#nextDouble()));
    this.#normal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  #fillUniform(out: Float32Array | Float64Array): void {
    if (out instanceof Float64Array) {
      for (let i = 0; i < out.length; i++) out[i] = this.#nextDouble();
      return;
    }
    const engine = this.#engine;
    for (let i = 0; i < out.length; i++) out[i] = (engine.next() & 0xffffff) * 2 ** -24;
  }

  /**
   * Blocks of 16; when some numbers are left over, the last 16 are drawn again as one block.
   *
   * @param first How many uniform numbers torch draws before it comes to the leftover ones.
   */
  #fillNormal(out: Float32Array | Float64Array, first: number): void {
    const whole = out.length - out.length % 16;
    this.#fillUniform(out.subarray(0, first));
    normalBlocks(out, 0, whole);
    if (whole === out.length) return;
    this.#fillUniform(out.subarray(out.length - 16));
    normalBlocks(out, out.length - 16, out.length);
  }
}

function checkSeed(seed: number | bigint): bigint {
  if (typeof seed !== "bigint" && !Number.isSafeInteger(seed)) {
    const given = String(seed);
    throw new TypeError(`A seed is an integer, but it is ${given}; write large ones as bigint`);
  }
  const value = BigInt(seed);
  if (value < -(1n << 63n) || value >= 1n << 64n) {
    throw new RangeError(`A seed is from -2^63 to 2^64 - 1, but it is ${value}`);
  }
  return BigInt.asUintN(64, value);
}
