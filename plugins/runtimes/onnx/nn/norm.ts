import type { Scope, Value, Weight } from "../graph/mod.ts";
import { floatAttribute, MICROSOFT, SUM_WIDTHS } from "../graph/mod.ts";
import { activation } from "./activation.ts";
import { add, div, mean, mul, sub } from "./arithmetic.ts";
import { reshape, reshapeLike, transpose, unsqueeze } from "./shape.ts";

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
  /** Added to each channel before: [N, C], and to those of all images: [C]. */
  readonly before?: { readonly each: Value; readonly all: Value } | undefined;
  /** Name of the activation function that follows. None by default. */
  readonly activation?: string | undefined;
}

/** Group normalization of [N, C, ...] (Wu and He, 2018, arXiv:1803.08494). */
export function groupNorm(s: Scope, x: Value, options: GroupNormOptions): Value {
  const { activation: name } = options;
  if (isFusible(s, options)) {
    const isSilu = name !== undefined && SILU.includes(name.toLowerCase());
    const result = fusedGroupNorm(s, x, options, isSilu);
    return name === undefined || isSilu ? result : activation(s, result, name);
  }
  const result = plainGroupNorm(s, x, options);
  return name === undefined ? result : activation(s, result, name);
}

const SILU = ["silu", "swish"];

/**
 * Whether onnxruntime's operator takes it. Its kernel reads channels in pairs, and 64 to 512 at a time: on
 * an H200 it was right for all of Stable Diffusion's sizes (32 groups of 4 to 80 channels), and wrong for
 * models of 8 to 64 channels.
 */
function isFusible(s: Scope, { groups, spatial = 2, affine = true }: GroupNormOptions): boolean {
  if (s.graph.lowering.groupNorm !== "GroupNorm" || s.dtype !== "float16") return false;
  if (spatial !== 2 || !affine || groups !== 32) return false;
  const width = s.shape("weight")[0]! / groups;
  return width % 2 === 0 && width >= 4 && width <= 80;
}

function fusedGroupNorm(
  s: Scope,
  x: Value,
  { groups, eps = 1e-5, before }: GroupNormOptions,
  isSilu: boolean,
): Value {
  const affine = [s.tensor("weight"), s.tensor("bias")].map((value) => s.cast(value, "float32"));
  const last = transpose(s, x, [0, 2, 3, 1]); // [N, H, W, C]
  const inputs = [last, ...affine, ...(before === undefined ? [] : [before.each, before.all])];
  const normal = s.op(before === undefined ? "GroupNorm" : "SkipGroupNorm", inputs, {
    groups,
    epsilon: floatAttribute(eps),
    activation: isSilu ? 1 : 0,
    channels_last: 1,
  }, { domain: MICROSOFT });
  return transpose(s, normal, [0, 3, 1, 2]); // [N, C, H, W]
}

/** Written as normalization of [N, groups, -1]. */
function plainGroupNorm(s: Scope, x: Value, options: GroupNormOptions): Value {
  const { groups, eps = 1e-5, spatial = 2, affine = true, before } = options;
  const spatialAxes = Array.from({ length: spatial }, (_, i) => 2 + i);
  const shift = before && unsqueeze(s, add(s, before.each, before.all), spatialAxes);
  const sum = shift === undefined ? x : add(s, x, shift);
  const normal = normalRows(s, reshape(s, sum, [0, groups, -1]), groups, eps);
  const out = reshapeLike(s, normal, x); // [N, C, ...]
  if (!affine) return out;
  const channels = s.shape("weight")[0]!;
  const view = [channels, ...Array<number>(spatial).fill(1)];
  return add(s, mul(s, out, s.tensor("weight", view)), s.tensor("bias", view));
}

/** Rows [N, groups, L] with a mean of 0 and a variance of 1. */
function normalRows(s: Scope, rows: Value, groups: number, eps: number): Value {
  if (rows.dtype === "bfloat16" && s.graph.lowering.notInBfloat16.includes(INSTANCE_NORM)) {
    // that operator of bfloat16's operator set would compute on the CPU in float32, too
    const exact = s.cast(rows, "float32");
    const centred = sub(s, exact, mean(s, exact, [-1]));
    const variance = mean(s, mul(s, centred, centred), [-1]);
    return s.cast(div(s, centred, s.op("Sqrt", [add(s, variance, eps)])), "bfloat16");
  }
  const ones = s.floats(new Float32Array(groups).fill(1));
  const zeros = s.floats(new Float32Array(groups));
  return s.op(INSTANCE_NORM, [rows, ones, zeros], { epsilon: floatAttribute(eps) });
}

const INSTANCE_NORM = "InstanceNormalization";

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

/** What is added up. */
export interface SumOptions {
  /** Values [N, tokens, C]. */
  readonly terms: readonly [Value, Value];
  /** Added to each token: [C]. */
  readonly bias: Value;
}

/** Whether sums of tokens [N, tokens, width] are part of other operators here. */
export function fusesSums(s: Scope, width: number | undefined): boolean {
  return s.graph.lowering.fusedSteps && s.dtype === "float16" && SUM_WIDTHS.includes(width!);
}

/** A sum. */
export function biasedSum(s: Scope, { terms, bias }: SumOptions, width: number): Value {
  if (!fusesSums(s, width)) return add(s, add(s, terms[0], bias), terms[1]);
  return s.op("BiasAdd", [terms[0], bias, terms[1]], {}, { domain: MICROSOFT });
}

/** Values, and their layer normalization. */
export interface Normalized {
  /** As they are: [N, tokens, C]. */
  readonly sum: Value;
  /** Normalized, of the same sizes. */
  readonly normal: Value;
}

/** A sum, and its layer normalization. */
export function sumAndNorm(
  s: Scope,
  { terms, bias, eps = 1e-5 }: SumOptions & Pick<LayerNormOptions, "eps">,
): Normalized {
  const width = s.shape("weight")[0]!;
  if (fusesSums(s, width)) {
    const affine = [s.tensor("weight"), s.tensor("bias")];
    const outputs = s.ops("SkipLayerNormalization", [...terms, ...affine, bias], 4, {
      epsilon: floatAttribute(eps),
    }, { domain: MICROSOFT, without: [1, 2] });
    return { sum: outputs[3]!, normal: outputs[0]! };
  }
  const sum = biasedSum(s, { terms, bias }, width);
  return { sum, normal: layerNorm(s, sum, { eps }) };
}

/**
 * Layer normalization of tokens [N, tokens, C] that come from normalized ones, so that twice their numbers
 * are far from what float16 holds.
 */
export function smallNorm(s: Scope, x: Value, eps = 1e-5): Normalized {
  if (!fusesSums(s, s.shape("weight")[0])) return { sum: x, normal: layerNorm(s, x, { eps }) };
  // x + x over the root of 4·(variance + eps) is the same, and takes onnxruntime half as long as one x
  const inputs = [x, x, s.tensor("weight"), s.tensor("bias")];
  const attributes = { epsilon: floatAttribute(4 * eps) };
  return {
    sum: x,
    normal: s.op("SkipLayerNormalization", inputs, attributes, { domain: MICROSOFT }),
  };
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
  const attributes = { axis: -1, epsilon: floatAttribute(eps), stash_type: 1 };
  if (plusOne) {
    // in 16 bits the sum would round away most of a small weight, which the reference does not
    const weight = add(s, s.cast(s.tensor("weight"), "float32"), 1);
    const exact = s.cast(x, "float32");
    return s.cast(s.op("SimplifiedLayerNormalization", [exact, weight], attributes));
  }
  if (x.dtype !== s.dtype) return wideRmsNorm(s, x, options);
  const weight = width !== undefined
    ? s.floats(new Float32Array(width).fill(1))
    : s.tensor("weight");
  return s.op("SimplifiedLayerNormalization", [x, weight], attributes);
}

/** The same of a float32 value in a module that computes in 16 bits, which no operator takes. */
function wideRmsNorm(s: Scope, x: Value, { eps = 1e-6, width }: RmsNormOptions): Value {
  const exact = s.cast(x, "float32");
  const root = s.op("Sqrt", [add(s, mean(s, mul(s, exact, exact), [-1]), eps)]);
  const normal = s.cast(div(s, exact, root));
  if (width !== undefined) return normal;
  return mul(s, normal, s.tensor("weight"));
}

/**
 * Each pixel of [N, C, H, W] divided by the root mean square of its channels, times `gamma`; no pixel is
 * divided by less than 1e-12 (`QwenImageRMS_norm`, `WanRMS_norm`). Lengths are taken in float32.
 */
export function channelRmsNorm(s: Scope, x: Value): Value {
  const channels = s.shape("gamma")[0]!;
  const exact = s.cast(x, "float32");
  const length = s.op("ReduceL2", [exact, s.ints([1])], { keepdims: 1 }); // [N, 1, H, W]
  const floor = s.graph.floats([1e-12], [1], "float32");
  const unit = s.cast(div(s, exact, s.op("Max", [length, floor])));
  return mul(s, mul(s, unit, Math.sqrt(channels)), s.tensor("gamma", [channels, 1, 1]));
}
