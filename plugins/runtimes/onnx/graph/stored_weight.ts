import type { StoredBlocks, StoredTensor } from "@denoise/safetensors";
import type { ComputeDType, Graph } from "./graph.ts";
import type { Attributes, ElementType, Value } from "./value.ts";

/** In which type a model's weights are held. */
export type WeightDType = "float32" | "float16" | "bfloat16";

/** How a tensor of a checkpoint becomes numbers that are computed with. */
export interface StoredWeightOptions {
  /** The sizes that it is viewed with. */
  readonly dims: readonly number[];
  /** The module that it belongs to. */
  readonly path: string;
  /** The type that its numbers are rounded to; float32 leaves them as they are. */
  readonly weightDType: WeightDType;
  /** The type that is computed in. */
  readonly dtype: ComputeDType;
}

const BITS: Readonly<Partial<Record<ElementType, number>>> = {
  float64: 64,
  float32: 32,
  float16: 16,
  bfloat16: 16,
  float8_e4m3fn: 8,
  float8_e5m2: 8,
  int8: 8,
};

/** Below that many bytes a weight is widened once: norms and biases, which fusions want constant. */
const SMALL = 2 ** 16;

/**
 * A tensor of a checkpoint as a value of the type that is computed in. Numbers that are narrower than
 * that stay as they lie in their file, and are widened each time the graph runs.
 */
export function storedWeight(
  graph: Graph,
  name: string,
  stored: StoredTensor,
  { dims, path, weightDType, dtype }: StoredWeightOptions,
): Value {
  if (stored.blocks !== undefined) {
    const options = { path, early: true };
    return graph.once(`${name} ${dims} ${weightDType} ${dtype}`, () => {
      const numbers = unpacked(graph, name, stored, stored.blocks!, dims, path);
      const rounded = weightDType === "float32"
        ? numbers
        : graph.cast(numbers, weightDType, options);
      return graph.cast(rounded, dtype, options);
    });
  }
  const bits = BITS[stored.dtype];
  const isInteger = bits === undefined || (stored.dtype === "int8" && stored.scale === undefined);
  if (isInteger) return graph.weight(name, stored, dims);
  const stays = bits < BITS[dtype]! && graph.lowering.widens.includes(stored.dtype) &&
    count(dims) * bits / 8 >= SMALL;
  const options = { path, early: true };
  return graph.once(`${name} ${dims} ${weightDType} ${dtype}`, () => {
    const numbers = stored.scale === undefined
      ? graph.weight(name, stored, dims, stays)
      : scaled(graph, name, stored, stored.scale, stays, options);
    const rounded = weightDType === "float32" ? numbers : graph.cast(numbers, weightDType, options);
    const wide = graph.cast(rounded, dtype, options);
    if (stored.scale === undefined || `${dims}` === `${stored.dims}`) return wide;
    return graph.node("Reshape", [wide, graph.ints(dims)], {}, options);
  });
}

/** Numbers times their scale, in float32. */
function scaled(
  graph: Graph,
  name: string,
  stored: StoredTensor,
  scale: StoredTensor,
  stays: boolean,
  options: { readonly path: string; readonly early: boolean },
): Value {
  const numbers = graph.cast(graph.weight(name, stored, stored.dims, stays), "float32", options);
  const rows = count(scale.dims) === 1 ? [] : [stored.dims[0]!, ...stored.dims.slice(1).fill(1)];
  const factor = graph.cast(graph.weight(`${name}.scale`, scale, rows), "float32", options);
  const product = graph.node("Mul", [numbers, factor], {}, options);
  if (stored.factor === undefined) return product;
  return graph.node("Mul", [product, graph.scalar(stored.factor, "float32")], {}, options);
}

/** The numbers of values in blocks, in float32. */
function unpacked(
  graph: Graph,
  name: string,
  { dims: own, data }: StoredTensor,
  { bits, size, zero, levels, scales, offsets }: StoredBlocks,
  dims: readonly number[],
  path: string,
): Value {
  const op = (type: string, inputs: Value[], attributes: Attributes = {}, dtype?: ElementType) =>
    graph.node(type, inputs, attributes, { path, early: true, ...(dtype && { dtype }) });
  const blocks = count(own) / size;
  const bytes = { dtype: "uint8", dims: [blocks, size * bits / 8], data } as const;
  const stays = graph.lowering.widens.length > 0 && count(own) >= SMALL;
  const values = graph.weight(name, bytes, bytes.dims, stays);
  const four = graph.uint8(4);
  const halves = bits === 8 ? [] : [
    op("BitwiseAnd", [values, graph.uint8(15)]),
    op("BitShift", [values, four], { direction: "RIGHT" }),
  ].map((half) => op("Unsqueeze", [half, graph.ints([-1])]));
  if (levels !== undefined) halves.reverse();
  const flat = bits === 8
    ? values
    : op("Reshape", [op("Concat", halves, { axis: -1 }), graph.ints([blocks, size])]);
  const centred = levels === undefined
    ? op("Sub", [
      graph.cast(flat, "float32", { path, early: true }),
      graph.scalar(zero, "float32"),
    ])
    : op(
      "Gather",
      [graph.floats(levels, [16], "float32"), graph.cast(flat, "int32", { path, early: true })],
      {},
      "float32",
    );
  const scaled = op("Mul", [centred, graph.weight(`${name}.scales`, scales, [blocks, 1])]);
  const sum = offsets === undefined
    ? scaled
    : op("Add", [scaled, graph.weight(`${name}.offsets`, offsets, [blocks, 1])]);
  return op("Reshape", [sum, graph.ints(dims)]);
}

function count(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
