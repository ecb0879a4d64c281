import {
  type BlockWeight,
  type Int8Weight,
  type LevelWeight,
  MICROSOFT,
  type QuantizedWeight,
  type Scope,
  type Value,
} from "../graph/mod.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { concat, shapeOf, split, transpose } from "./shape.ts";

/** x·Wᵀ + b over the last axis with a quantized weight. */
export function quantizedLinear(
  s: Scope,
  x: Value,
  weight: QuantizedWeight,
  bias: Value | undefined,
): Value {
  if (weight.kind === "blocks") return blockProduct(s, x, weight, bias);
  if (weight.kind === "levels") return levelProduct(s, x, weight, bias);
  const [values, scales] = constants(s, weight);
  return s.op("DynamicQuantizeMatMul", [x, values, scales, undefined, bias], {}, {
    domain: MICROSOFT,
  });
}

/** The sizes of a convolution of [N, C, H, W]. */
export interface QuantizedConvOptions {
  /** Height and width of the kernel. */
  readonly kernel: readonly [number, number];
  /** Step between outputs. */
  readonly stride: number;
  /** Zeros at top, left, bottom and right. */
  readonly padding: readonly [number, number, number, number];
  /** How many pixels the result has as a rule. */
  readonly pixels?: number | undefined;
}

/** Ends of a slice that leaves nothing out. */
const END = 2 ** 31 - 1;

/** So many bytes of numbers lie side by side at once, where that leaves each band {@linkcode BAND_PIXELS}. */
const BAND_BYTES = 2 ** 24;

/** Fewer pixels in a product cost more time, since each product reads the whole weight. */
const BAND_PIXELS = 256;

/**
 * A convolution as a product: for each output the numbers under the kernel side by side, times the
 * weight as a matrix. Its rows are cut into bands, so that not all of them lie side by side at once: into as
 * many as the graph says ({@linkcode Graph.bands}), or more where images have many pixels as a rule.
 */
export function quantizedConv2d(
  s: Scope,
  x: Value,
  weight: QuantizedWeight,
  bias: Value | undefined,
  options: QuantizedConvOptions,
): Value {
  const { pixels, zero, product } = weight.kind === "int8"
    ? int8Input(s, x, weight, bias)
    : floatInput(s, x, weight, bias);
  const padded = pad(s, pixels, options.padding, zero); // [N, H', W', C]
  const bytes = weight.kind === "int8" ? 1 : 4;
  const count = Math.max(s.graph.bands, bandCount(s, options, bytes));
  const bands = bandsOf(s, padded, count, options).map((band) =>
    product(sideBySide(s, band, options))
  );
  const joined = bands.length === 1 ? bands[0]! : concat(s, bands, 1); // [N, H, W, C']
  return transpose(s, joined, [0, 3, 1, 2]);
}

/** What a convolution multiplies, with the channels last, and how. */
interface ConvInput {
  readonly pixels: Value;
  readonly zero: Value | undefined;
  product(columns: Value): Value;
}

function int8Input(s: Scope, x: Value, weight: Int8Weight, bias: Value | undefined): ConvInput {
  const [levels, scale, zero] = s.ops("DynamicQuantizeLinear", [x], 3, {}, { dtype: "uint8" });
  const [values, scales] = constants(s, weight);
  return {
    pixels: transpose(s, levels!, [0, 2, 3, 1]),
    zero,
    product: (columns) => {
      const inputs = [columns, values, scale, scales, zero, undefined, bias];
      return s.op("MatMulIntegerToFloat", inputs, {}, { domain: MICROSOFT, dtype: "float32" });
    },
  };
}

/** Weights that multiply numbers as they are. */
type FloatWeight = BlockWeight | LevelWeight;

function floatInput(s: Scope, x: Value, weight: FloatWeight, bias: Value | undefined): ConvInput {
  return {
    pixels: transpose(s, x, [0, 2, 3, 1]),
    zero: undefined,
    product: (columns) => quantizedLinear(s, columns, weight, bias),
  };
}

function pad(
  s: Scope,
  pixels: Value,
  padding: QuantizedConvOptions["padding"],
  zero: Value | undefined,
): Value {
  if (padding.every((size) => size === 0)) return pixels;
  const [top, left, bottom, right] = padding;
  return s.op("Pad", [pixels, s.ints([0, top, left, 0, 0, bottom, right, 0]), zero]);
}

/** Into how many bands the rows are cut, for numbers of so many bytes. */
function bandCount(
  s: Scope,
  { kernel: [height, width], pixels = 0 }: QuantizedConvOptions,
  bytes: number,
): number {
  const all = pixels * height * width * s.shape("weight")[1]! * bytes;
  return Math.min(Math.ceil(all / BAND_BYTES), Math.floor(pixels / BAND_PIXELS));
}

/** The input rows that each band of output rows needs. */
function bandsOf(
  s: Scope,
  padded: Value,
  bands: number,
  { kernel: [height], stride }: QuantizedConvOptions,
) {
  if (bands === 1 || height === 1) return [padded];
  const rows = add(s, div(s, sub(s, shapeOf(s, padded, 1, 2), height), stride), 1);
  const cuts = div(s, mul(s, rows, s.ints(Array.from({ length: bands + 1 }, (_, i) => i))), bands);
  const places = split(s, mul(s, cuts, stride), Array<number>(bands + 1).fill(1), 0);
  return places.slice(1).map((place, i) => {
    const end = add(s, place, height - stride);
    return s.op("Slice", [padded, places[i]!, end, s.ints([1])]);
  });
}

/** For each output the numbers under the kernel: [N, H, W, h·w·C]. */
function sideBySide(s: Scope, band: Value, { kernel, stride }: QuantizedConvOptions): Value {
  const [height, width] = kernel;
  if (height === 1 && width === 1 && stride === 1) return band;
  const steps = s.ints([stride, stride]);
  const places = Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    const ends = [y - height + 1 || END, x - width + 1 || END];
    return s.op("Slice", [band, s.ints([y, x]), s.ints(ends), s.ints([1, 2]), steps]);
  });
  return places.length === 1 ? places[0]! : concat(s, places, 3);
}

/** What onnxruntime calls products of what is rounded to 8 bits. */
const IN_INT8 = 4;

function blockProduct(s: Scope, x: Value, weight: BlockWeight, bias: Value | undefined): Value {
  const { bits, blockSize, width, roundsInput } = weight;
  const [values, scales] = constants(s, weight);
  const product = s.op("MatMulNBits", [x, values, scales, undefined, undefined, bias], {
    K: width,
    N: weight.scales.dims[0]!,
    bits,
    block_size: blockSize,
    ...(roundsInput && { accuracy_level: IN_INT8 }),
  }, { domain: MICROSOFT });
  const half = 2 ** (bits - 1);
  if (weight.offsets === undefined) return product;
  // The operator's numbers are (value − half) · scale; what is missing is the same for a whole block.
  const offsets = s.graph.weight(`${s.path}.offsets`, weight.offsets);
  const missing = add(s, offsets, mul(s, scales, half - (weight.zero ?? half)));
  const places = s.ints([width / blockSize, blockSize]);
  const blocks = s.op("Reshape", [x, concat(s, [shapeOf(s, x, 0, -1), places], 0)]);
  const sums = s.op("ReduceSum", [blocks, s.ints([-1])], { keepdims: 0 });
  return add(s, product, s.op("MatMul", [sums, transpose(s, missing, [1, 0])]));
}

function levelProduct(s: Scope, x: Value, weight: LevelWeight, bias: Value | undefined): Value {
  const product = s.op("MatMulBnb4", [x, ...constants(s, weight)], {
    K: weight.width,
    N: weight.height,
    block_size: weight.blockSize,
    quant_type: weight.levels === "nf4" ? 1 : 0,
  }, { domain: MICROSOFT });
  return bias === undefined ? product : add(s, product, bias);
}

function constants(s: Scope, { values, scales }: QuantizedWeight): [Value, Value] {
  return [s.graph.weight(`${s.path}.values`, values), s.graph.weight(`${s.path}.scales`, scales)];
}
