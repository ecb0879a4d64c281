import type { Scope, Value } from "../graph/mod.ts";
import { concat, unsqueeze } from "./shape.ts";
import { mul, sub, where } from "./arithmetic.ts";

/**
 * Rows of the checkpoint's `weight` [count, width] for int64 indices [...]: [..., width]. Indices
 * from `count` on mean rows of `extra_rows` [more, width], where an adapter has added them.
 */
export function embedding(s: Scope, indices: Value): Value {
  const rows = (name: string, of: Value) => s.rows(name, of);
  if (!s.added("extra_rows")) return rows("weight", indices);
  const count = s.shape("weight")[0]!;
  const known = s.op("Less", [indices, s.scalar(count, "int64")], {}, { dtype: "bool" });
  const inside = s.op("Min", [indices, s.scalar(count - 1, "int64")]);
  const beyond = s.op("Max", [sub(s, indices, count), s.scalar(0, "int64")]);
  const isKnown = unsqueeze(s, known, [-1]);
  return where(s, isKnown, rows("weight", inside), rows("extra_rows", beyond));
}

/** Options of a sinusoidal embedding, named as in diffusers' `get_timestep_embedding`. */
export interface SinusoidalOptions {
  /** Width of the result. */
  readonly width: number;
  /** Cosines first. Defaults to false. */
  readonly flipSinToCos?: boolean;
  /** Taken from the number of frequencies in the exponent's divisor. Defaults to 1. */
  readonly downscaleFreqShift?: number;
  /** Factor of the angles. Defaults to 1. */
  readonly scale?: number;
  /** The longest period is 2π times this. Defaults to 10000. */
  readonly maxPeriod?: number;
}

/**
 * Sinusoidal embedding of float32 numbers [N]: [N, width], in the type the graph computes in
 * (Ho et al., 2020, arXiv:2006.11239; diffusers `get_timestep_embedding`).
 *
 * The angles are computed in float32 whatever that type is, as the reference does.
 */
export function sinusoidalEmbedding(s: Scope, x: Value, options: SinusoidalOptions): Value {
  const { width, flipSinToCos = false, downscaleFreqShift = 1, scale = 1, maxPeriod = 10000 } =
    options;
  if (x.dtype !== "float32") {
    throw new TypeError(`Cannot embed "${x.name}": it must be float32, but is ${x.dtype}`);
  }
  const frequencies = frequencyTable(Math.floor(width / 2), downscaleFreqShift, maxPeriod);
  const table = s.graph.floats(frequencies, [1, frequencies.length], "float32");
  const column = s.op("Unsqueeze", [x, s.ints([1])]);
  const product = mul(s, column, table); // [N, width / 2]
  const angles = scale === 1 ? product : mul(s, product, scale);
  const waves = [s.op("Sin", [angles]), s.op("Cos", [angles])];
  const embedded = concat(s, flipSinToCos ? waves.reverse() : waves, 1);
  const padded = width % 2 === 1 ? s.op("Pad", [embedded, s.ints([0, 0, 0, 1])]) : embedded;
  return s.cast(padded);
}

/** exp(−ln(maxPeriod)·i / (half − shift)), in float32 steps as torch computes it. */
function frequencyTable(half: number, shift: number, maxPeriod: number): Float32Array {
  const factor = Math.fround(-Math.log(maxPeriod));
  const divisor = Math.fround(half - shift);
  return Float32Array.from({ length: half }, (_, index) => {
    const exponent = Math.fround(Math.fround(factor * index) / divisor);
    return Math.exp(exponent);
  });
}
