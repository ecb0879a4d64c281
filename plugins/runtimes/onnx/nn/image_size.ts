import type { Scope, Value } from "../graph/mod.ts";
import { moreSizes, shapeOf, slice } from "./shape.ts";

/**
 * Height and width of an image [N, C, H, W], as an int64 vector.
 *
 * On cards the channels of images lie last: onnxruntime moves its transpositions across every operator,
 * a Shape too, and would then compute sizes on the card and wait for them in every block. So there the
 * size is that of a small image beside it, made from the graph's input as the large one was.
 */
export function imageSize(s: Scope, x: Value): Value {
  const small = s.graph.lowering.groupNorm === "GroupNorm" ? beside(s, x.name) : undefined;
  if (small === undefined) return shapeOf(s, x, 2);
  return s.graph.once(`size of ${small.name}`, () => shapeOf(s, small, 2));
}

/** The sizes [N, H, W, C] that tokens [N, H·W, C] are reshaped to, for the height and width of `like`. */
export function pixelSizes(s: Scope, like: Value): Value {
  const size = imageSize(s, like);
  return s.graph.once(
    `pixels of ${size.name}`,
    () => moreSizes(s, size, { before: [0], after: [-1] }),
  );
}

/** Says how to make the small image beside one, from that beside `from`. */
export function resized(s: Scope, image: Value, from: Value, make: (small: Value) => Value): Value {
  makers(s).set(image.name, () => {
    const small = beside(s, from.name);
    return small && make(small);
  });
  return image;
}

type Maker = () => Value | undefined;
const known = new WeakMap<Scope["graph"], Map<string, Maker>>();

function makers(s: Scope): Map<string, Maker> {
  const found = known.get(s.graph) ?? new Map<string, Maker>();
  known.set(s.graph, found);
  return found;
}

/** Operators whose result is as high and wide as any of their inputs that is an image. */
const SAME = new Set(
  ["Add", "Sub", "Mul", "Div", "Cast", "Concat", "Split", "Transpose", "GroupNorm", "SkipGroupNorm"]
    .concat(["QuickGelu", "Gelu", "Mish", "Relu", "Tanh", "Sigmoid", "Clip"]),
);

/** An image of the same height and width that is an input of the graph, or made from one alone. */
function beside(s: Scope, name: string): Value | undefined {
  const made = makers(s).get(name);
  if (made !== undefined) return made();
  const port = s.graph.port(name);
  if (port !== undefined) return port.dims?.length === 4 ? port : undefined;
  const node = s.graph.maker(name);
  if (node?.type === "Conv" || node?.type === "AveragePool") {
    const small = beside(s, node.inputs[0]!);
    return small && convolved(s, small, node.attributes as unknown as ConvAttributes);
  }
  if (node === undefined || !SAME.has(node.type)) return undefined;
  // the last first: a skip connection is as large as what it joins, and nearer to the input
  for (const input of node.inputs.toReversed()) {
    const small = beside(s, input);
    if (small !== undefined) return small;
  }
  return undefined;
}

interface ConvAttributes {
  readonly kernel_shape: readonly number[];
  readonly strides?: readonly number[];
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
}

/** As many pixels as the convolution or pooling leaves: floor((size - lost - 1) / stride) + 1. */
function convolved(s: Scope, small: Value, conv: ConvAttributes): Value | undefined {
  const strides = [conv.strides?.[0] ?? 1, conv.strides?.[1] ?? 1];
  const lost = [0, 1].map((axis) => {
    const pads = (conv.pads?.[axis] ?? 0) + (conv.pads?.[axis + 2] ?? 0);
    return (conv.dilations?.[axis] ?? 1) * (conv.kernel_shape[axis]! - 1) - pads;
  });
  if (conv.kernel_shape.length !== 2 || lost.some((pixels) => pixels < 0)) return undefined;
  const key = `${small.name} less ${lost} by ${strides}`;
  return s.graph.once(key, () =>
    [0, 1].reduce(
      (image, axis) =>
        lost[axis] === 0 && strides[axis] === 1
          ? image
          : slice(s, image, 2 + axis, lost[axis]!, END, strides[axis]),
      small,
    ));
}

/** Past the end of every axis. */
const END = 2 ** 31 - 1;
