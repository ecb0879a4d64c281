import type { Scope, Value, Weight } from "../graph/mod.ts";
import { floatAttribute } from "../graph/mod.ts";
import { add, div, mean, mul } from "./arithmetic.ts";
import { reshape, reshapeLike } from "./shape.ts";

/** Options of a group normalization. */
export interface GroupNormOptions {
  /** How many groups the channels are cut into. */
  readonly groups: number;
  /** Added to the variance. Defaults to 1e-5. */
  readonly eps?: number;
  /** How many axes follow the channels. Defaults to 2, as in [N, C, H, W]. */
  readonly spatial?: number;
  /** Whether `weight` and `bias` scale and shift the channels. Defaults to true. */
  readonly affine?: boolean;
}

/**
 * Group normalization of [N, C, ...] (Wu and He, 2018, arXiv:1803.08494), written as instance
 * normalization of [N, groups, -1].
 */
export function groupNorm(s: Scope, x: Value, options: GroupNormOptions): Value {
  const { groups, eps = 1e-5, spatial = 2, affine = true } = options;
  const grouped = reshape(s, x, [0, groups, -1]);
  const ones = s.floats(new Float32Array(groups).fill(1));
  const zeros = s.floats(new Float32Array(groups));
  const normal = s.op("InstanceNormalization", [grouped, ones, zeros], {
    epsilon: floatAttribute(eps),
  });
  const out = reshapeLike(s, normal, x); // [N, C, ...]
  if (!affine) return out;
  const channels = s.shape("weight")[0]!;
  const view = [channels, ...Array<number>(spatial).fill(1)];
  return add(s, mul(s, out, s.tensor("weight", view)), s.tensor("bias", view));
}

/** Options of a layer normalization. */
export interface LayerNormOptions {
  /** Added to the variance. Defaults to 1e-5. */
  readonly eps?: number;
  /** Size of the last axis, for a layer without `weight` and `bias`. By default it has them. */
  readonly width?: number | undefined;
  /** Whether `bias` shifts. Defaults to true. */
  readonly bias?: boolean | undefined;
}

/** Layer normalization over the last axis (Ba et al., 2016, arXiv:1607.06450). */
export function layerNorm(s: Scope, x: Value, options: LayerNormOptions = {}): Value {
  const { eps = 1e-5, width, bias = true } = options;
  const attributes = { axis: -1, epsilon: floatAttribute(eps) };
  if (width !== undefined) {
    const ones = s.floats(new Float32Array(width).fill(1));
    return s.op("LayerNormalization", [x, ones], attributes);
  }
  const affine: Weight[] = [s.tensor("weight")];
  if (bias) affine.push(s.tensor("bias", affine[0]!.dims));
  return s.op("LayerNormalization", [x, ...affine], attributes);
}

/** Options of an RMS normalization. */
export interface RmsNormOptions {
  /** Added to the mean square. Defaults to 1e-6. */
  readonly eps?: number | undefined;
  /** Whether it is multiplied with 1 + `weight`, as Gemma's. Defaults to false: with `weight`. */
  readonly plusOne?: boolean | undefined;
  /** Size of the last axis, for a layer without `weight`. By default it has one. */
  readonly width?: number | undefined;
}

/**
 * Division by the root of the mean square over the last axis, times `weight` (Zhang and Sennrich,
 * 2019, arXiv:1910.07467). The mean is taken in float32. The result has the type that the module
 * computes in.
 */
export function rmsNorm(s: Scope, x: Value, options: RmsNormOptions = {}): Value {
  const { eps = 1e-6, plusOne = false, width } = options;
  if (x.dtype !== s.dtype) return wideRmsNorm(s, x, options);
  const weight = width !== undefined
    ? s.floats(new Float32Array(width).fill(1))
    : plusOne
    ? add(s, s.tensor("weight"), 1)
    : s.tensor("weight");
  const attributes = { axis: -1, epsilon: floatAttribute(eps), stash_type: 1 };
  return s.op("SimplifiedLayerNormalization", [x, weight], attributes);
}

/** The same of a float32 value in a module that computes in 16 bits, which no operator takes. */
function wideRmsNorm(s: Scope, x: Value, { eps = 1e-6, plusOne, width }: RmsNormOptions): Value {
  const exact = s.cast(x, "float32");
  const root = s.op("Sqrt", [add(s, mean(s, mul(s, exact, exact), [-1]), eps)]);
  const normal = s.cast(div(s, exact, root));
  if (width !== undefined) return normal;
  return mul(s, normal, plusOne ? add(s, s.tensor("weight"), 1) : s.tensor("weight"));
}
