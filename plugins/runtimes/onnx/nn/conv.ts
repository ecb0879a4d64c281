import type { Attributes, Scope, Value, Weight } from "../graph/mod.ts";
import { div, mul, norm } from "./arithmetic.ts";
import type { BiasOptions } from "./linear.ts";
import { withChanges } from "./lora.ts";
import { quantizedConv2d } from "./quantized.ts";
import { add } from "./arithmetic.ts";
import { resized } from "./image_size.ts";
import { upsampleNearest } from "./resample.ts";
import { chunk, concat, reshape, slice, transpose } from "./shape.ts";

/** Options of a convolution, as in torch. */
export interface ConvOptions extends BiasOptions {
  /** Step between outputs. Defaults to 1. */
  readonly stride?: number;
  /** Zeros on every side, or at top, left, bottom and right. Defaults to 0. */
  readonly padding?: number | readonly [number, number, number, number];
  /** Step between the elements of the kernel. Defaults to 1. */
  readonly dilation?: number;
  /** Groups of channels that are convolved apart. Defaults to 1. */
  readonly groups?: number;
  /** How many pixels an image has here as a rule, for devices that many pixels keep busy and where many take memory. */
  readonly pixels?: number | undefined;
}

/** Whether the weight of a layer stands in the checkpoint as lengths and directions. */
export interface WeightNormOptions {
  /**
   * Whether it is `weight_v` with the lengths `weight_g` along its first axis (Salimans and Kingma, 2016,
   * arXiv:1602.07868; `weight_norm` of torch). Defaults to false: it is `weight`.
   */
  readonly weightNorm?: boolean | undefined;
}

/** Options of a convolution along one axis. */
export type Conv1dOptions = Omit<ConvOptions, "padding" | "pixels"> & WeightNormOptions & {
  /** Zeros at both ends. Defaults to 0. */
  readonly padding?: number;
};

/** The weight of a layer of {@linkcode WeightNormOptions}. */
function kernelOf(s: Scope, weightNorm: boolean): Weight {
  if (!weightNorm) return s.tensor("weight");
  const direction = s.tensor("weight_v");
  const axes = direction.dims.map((_, axis) => axis).slice(1);
  const factor = div(s, s.tensor("weight_g"), norm(s, direction, axes));
  return { ...mul(s, direction, factor), dims: direction.dims };
}

/** A convolution of [N, C, H, W]; channels and kernel are those of the checkpoint's `weight`. */
export function conv2d(s: Scope, x: Value, options: ConvOptions = {}): Value {
  return convolution(s, x, 2, options);
}

/** A convolution of [N, C, L]; channels and kernel are those of the checkpoint's `weight`. */
export function conv1d(s: Scope, x: Value, options: Conv1dOptions = {}): Value {
  return convolution(s, x, 1, options);
}

function convolution(
  s: Scope,
  x: Value,
  axes: 1 | 2,
  options: ConvOptions & WeightNormOptions,
): Value {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, bias: isBiased = true } = options;
  const { weightNorm = false } = options;
  const each = (value: number, count: number = axes) => Array<number>(count).fill(value);
  const weight = () => kernelOf(s, weightNorm); // [C', C / groups, h, w] or [C', C / groups, l]
  const dims = s.shape(weightNorm ? "weight_v" : "weight");
  const [channels, , ...kernel] = dims as [number, number, ...number[]];
  const bias = isBiased ? s.tensor("bias", [channels]) : undefined;
  const attributes = {
    kernel_shape: kernel,
    strides: each(stride),
    pads: typeof padding === "number" ? each(padding, 2 * axes) : padding,
    dilations: each(dilation),
    group: groups,
  };
  const convolve = (input: Value, weight: Weight, more: readonly Value[] = []) =>
    convNode(s, [input, weight, ...more], weight, {
      ...attributes,
      kernel_shape: weight.dims.slice(2),
    });
  const isPlain = axes === 2 && dilation === 1 && groups === 1;
  const quantized = isPlain ? s.quantized() : undefined;
  const result = quantized === undefined
    ? isPlain && isCut(s, options)
      ? cutConvolution(s, x, { weight: weight(), bias }, attributes)
      : convolve(x, weight(), bias === undefined ? [] : [bias])
    : quantizedConv2d(s, x, quantized, bias, {
      kernel: kernel as [number, number],
      stride,
      padding: typeof padding === "number" ? [padding, padding, padding, padding] : padding,
      pixels: options.pixels,
    });
  return withChanges(s, {
    input: x,
    result,
    rank: 2 + axes,
    weight,
    bias,
    apply: (input, kernel) => convolve(input, kernel),
    mix: (input, kernel) => s.op("Conv", [input, kernel], { kernel_shape: each(1) }),
  });
}

/**
 * A causal convolution of a video that is one frame, [N, C, H, W]: before the first frame there are zeros, so
 * that of a kernel [C', C, t, h, w] only what lies on the frame itself counts, the last of its times; one without
 * times is that of a plain convolution.
 *
 * @param padding Zeros on every side of the frame. Defaults to 0.
 */
export function frameConv2d(s: Scope, x: Value, padding = 0): Value {
  if (s.shape("weight").length === 4) return conv2d(s, x, { padding });
  const [channels, inputs, times, ...kernel] = s.shape("weight") as [
    number,
    number,
    number,
    number,
  ];
  const dims = [channels, inputs, ...kernel];
  const weight = times === 1
    ? s.tensor("weight", dims)
    : reshape(s, slice(s, s.tensor("weight"), 2, times - 1, times), dims);
  return convNode(s, [x, weight, s.tensor("bias", [channels])], { dims }, {
    kernel_shape: kernel,
    pads: Array(4).fill(padding),
    group: 1,
  });
}

/** A convolution's node; where its device is wrong at so many channels, there are zeros beside them. */
function convNode(
  s: Scope,
  [x, kernel, ...bias]: readonly [Value, Value, ...Value[]],
  { dims }: Pick<Weight, "dims">,
  attributes: Attributes,
): Value {
  const [out, into, ...sizes] = dims as [number, number, ...number[]];
  const isWrong = s.graph.lowering.wrongThrees && attributes.group === 1 &&
    into % 3 === 0 && into % 4 !== 0 && into > 3 && out % 4 === 0 && sizes.some((size) => size > 1);
  if (!isWrong) return s.op("Conv", [x, kernel, ...bias], attributes);
  const none = sizes.map(() => 0);
  const zeros = s.ints([0, 0, ...none, 0, 4 - into % 4, ...none]);
  const [wide, wideKernel] = [x, kernel].map((value) => s.op("Pad", [value, zeros]));
  return s.op("Conv", [wide!, wideKernel!, ...bias], attributes);
}

/** Into how many parts channels are cut; each part has a multiple of so many. */
const PARTS = 8;
const PART = 32;

/**
 * Whether a convolution of many channels and few pixels is cut into parts. Its products are sums over all
 * channels, of which a card makes so few at once that most of it waits: on an H200, with 14 of them cut in
 * Stable Diffusion 1.5's UNet, a call takes 7.6 ms, and 8.0 ms with none.
 */
function isCut(s: Scope, { pixels = Infinity }: ConvOptions): boolean {
  if (!s.graph.lowering.fusedSteps || s.dtype !== "float16" || pixels > 64) return false;
  const into = s.shape("weight")[1]!;
  return into >= 1280 && into % (PARTS * PART) === 0;
}

/** The sum of convolutions of the parts of all channels, which are groups of one convolution. */
function cutConvolution(
  s: Scope,
  x: Value,
  { weight, bias }: { readonly weight: Weight; readonly bias: Value | undefined },
  attributes: Attributes,
): Value {
  const [out, into, ...kernel] = weight.dims as [number, number, ...number[]];
  const part = into / PARTS;
  const cut = transpose(s, reshape(s, weight, [out, PARTS, part, ...kernel]), [1, 0, 2, 3, 4]);
  const groups = reshape(s, cut, [PARTS * out, part, ...kernel]);
  const rest = s.floats(new Float32Array((PARTS - 1) * out));
  const biases = bias === undefined ? [] : [concat(s, [bias, rest], 0)]; // of the first part alone
  const results = s.op("Conv", [x, groups, ...biases], { ...attributes, group: PARTS });
  return s.op("Sum", chunk(s, results, PARTS, 1)); // [N, C', H, W]
}

/**
 * Channels for which a transposed convolution was right on a card, of Stable Diffusion's autoencoders and
 * UNets.
 */
const DOUBLED: readonly number[] = [256, 512, 640, 1280];

/**
 * A 3x3 convolution, padded by one, of an image that is doubled by repeating pixels: [N, C, H, W] becomes
 * [N, C', 2H, 2W].
 *
 * A card does both as one transposed convolution of kernels 4x4, whose numbers are sums of those that meet
 * the same pixel, with 4/9 of the products: on an H200, decoding 512x512 takes 9.5 ms so, and 10.5 ms else.
 *
 * @param pixels How many pixels the result has as a rule.
 */
export function doubledConv2d(s: Scope, x: Value, pixels?: number): Value {
  const [out, into] = s.shape("weight") as [number, number];
  const isPlain = s.changes().length === 0 && s.quantized() === undefined;
  if (
    !isPlain || !s.graph.lowering.fusedSteps || s.dtype !== "float16" || !DOUBLED.includes(into)
  ) {
    return conv2d(s, upsampleNearest(s, x), { padding: 1, pixels });
  }
  const kernel = meeting(s, meeting(s, s.cast(s.tensor("weight"), "float32"), 2), 3);
  const weight = s.cast(transpose(s, kernel, [1, 0, 2, 3])); // [C, C', 4, 4]
  const attributes = { kernel_shape: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1] };
  // onnxruntime's transposed convolutions with a bias fail on channels last
  const large = s.op("ConvTranspose", [x, weight], attributes);
  const result = add(s, large, s.tensor("bias", [out, 1, 1]));
  return resized(s, result, x, (small) => upsampleNearest(s, small));
}

/** Of three numbers along an axis, what meets the pixel before, at and behind a pair of doubled ones. */
function meeting(s: Scope, kernel: Value, axis: number): Value {
  const [first, second, third] = chunk(s, kernel, 3, axis) as [Value, Value, Value];
  return concat(s, [third, add(s, second, third), add(s, first, second), first], axis);
}

/** Options of a transposed convolution, as in torch. */
export interface ConvTransposeOptions extends BiasOptions {
  /** How many outputs an input is apart from the next. Defaults to 1. */
  readonly stride?: number;
  /** What is cut off on every side. Defaults to 0. */
  readonly padding?: number;
}

/** A transposed convolution of [N, C, H, W], as torch's ConvTranspose2d. */
export function convTranspose2d(s: Scope, x: Value, options: ConvTransposeOptions = {}): Value {
  return transposedConvolution(s, x, 2, options);
}

/** A transposed convolution of [N, C, L], as torch's ConvTranspose1d. */
export function convTranspose1d(
  s: Scope,
  x: Value,
  options: ConvTransposeOptions & WeightNormOptions = {},
): Value {
  return transposedConvolution(s, x, 1, options);
}

function transposedConvolution(
  s: Scope,
  x: Value,
  axes: 1 | 2,
  options: ConvTransposeOptions & WeightNormOptions,
): Value {
  const { stride = 1, padding = 0, bias: isBiased = true, weightNorm = false } = options;
  const weight = kernelOf(s, weightNorm); // [C, C', h, w] or [C, C', l]
  const bias = isBiased ? [s.tensor("bias", weight.dims.slice(1, 2))] : [];
  return s.op("ConvTranspose", [x, weight, ...bias], {
    kernel_shape: weight.dims.slice(2),
    strides: Array(axes).fill(stride),
    pads: Array(2 * axes).fill(padding),
  });
}
