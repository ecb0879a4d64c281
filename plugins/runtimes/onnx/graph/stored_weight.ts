import { DenoiseError } from "@denoise/core";
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
  /** Whether its numbers are widened once, when a session is made, and not at each run: those of small models. */
  readonly once: boolean;
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
 * that stay as they lie in their file, and are widened each time the graph runs; those of a small model are widened once.
 *
 * @throws {DenoiseError} `unsupported_option` for whole numbers without a scale.
 */
export function storedWeight(
  graph: Graph,
  name: string,
  stored: StoredTensor,
  { dims, path, weightDType, dtype, once }: StoredWeightOptions,
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
  if (bits === undefined || (stored.dtype === "int8" && stored.scale === undefined)) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot build ${
        path || "the model"
      }: the checkpoint's tensor "${name}" holds ${stored.dtype}, and no scale lies ` +
        "beside it; weights are floats, 8 bits with scales, or blocks of GGUF and bitsandbytes. Take another file of the model",
    );
  }
  const stays = !once && bits < BITS[dtype]! && graph.lowering.widens.includes(stored.dtype) &&
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
  blocks: StoredBlocks,
  dims: readonly number[],
  path: string,
): Value {
  const rows = count(own) / blocks.size;
  const bytes = { dtype: "uint8", dims: [rows, blocks.size * blocks.bits / 8], data } as const;
  const stays = graph.lowering.widens.length > 0 && count(own) >= SMALL;
  const parts = {
    values: graph.weight(name, bytes, bytes.dims, stays),
    scales: graph.weight(`${name}.scales`, blocks.scales, [rows, 1]),
    offsets: blocks.offsets && graph.weight(`${name}.offsets`, blocks.offsets, [rows, 1]),
  };
  const numbers = blockNumbers(graph, blocks, parts, { path, early: true });
  return graph.node("Reshape", [numbers, graph.ints(dims)], {}, { path, early: true });
}

/** The parts of blocks as values: [blocks, bytes of one], and [blocks, 1] each. */
interface BlockParts {
  readonly values: Value;
  readonly scales: Value;
  readonly offsets: Value | undefined;
}

/** What blocks stand for, [blocks, numbers of one]. */
function blockNumbers(
  graph: Graph,
  { bits, size, zero, levels }: StoredBlocks,
  { values, scales, offsets }: BlockParts,
  where: { readonly path: string; readonly early?: boolean },
): Value {
  const op = (type: string, inputs: Value[], attributes: Attributes = {}, dtype?: ElementType) =>
    graph.node(type, inputs, attributes, { ...where, ...(dtype && { dtype }) });
  const halves = bits === 8 ? [] : [
    op("BitwiseAnd", [values, graph.uint8(15)]),
    op("BitShift", [values, graph.uint8(4)], { direction: "RIGHT" }),
  ].map((half) => op("Unsqueeze", [half, graph.ints([-1])]));
  if (levels !== undefined) halves.reverse();
  const flat = bits === 8
    ? values
    : op("Reshape", [op("Concat", halves, { axis: -1 }), graph.ints([-1, size])]);
  const centred = levels === undefined
    ? op("Sub", [graph.cast(flat, "float32", where), graph.scalar(zero, "float32")])
    : op(
      "Gather",
      [graph.floats(levels, [16], "float32"), graph.cast(flat, "int32", where)],
      {},
      "float32",
    );
  const scaled = op("Mul", [centred, scales]);
  return offsets === undefined ? scaled : op("Add", [scaled, offsets]);
}

/**
 * Rows of a table [count, width] for int64 indices [...]: [..., width]. Of a table whose numbers are narrower than
 * those that are computed with, the rows alone are widened.
 */
export function storedRows(
  graph: Graph,
  name: string,
  stored: StoredTensor,
  indices: Value,
  options: Omit<StoredWeightOptions, "dims">,
): Value {
  const { path, weightDType, dtype } = options;
  const { dims, blocks, scale } = stored;
  const gather = (table: Value) =>
    graph.node("Gather", [table, indices], { axis: 0 }, { path, dtype: table.dtype });
  const rounded = (numbers: Value) =>
    graph.cast(
      weightDType === "float32" ? numbers : graph.cast(numbers, weightDType, { path }),
      dtype,
      { path },
    );
  const isWidened = graph.lowering.widens.length > 0 && count(dims) >= SMALL;
  if (isWidened && blocks?.scales.dims.length === 2) {
    const [rows, each] = blocks.scales.dims as [number, number];
    const bytes = {
      dtype: "uint8",
      dims: [rows, stored.data.length / rows],
      data: stored.data,
    } as const;
    const part = (table: Value, width: number) =>
      graph.node("Reshape", [gather(table), graph.ints([-1, width])], {}, { path });
    const numbers = blockNumbers(graph, blocks, {
      values: part(graph.weight(name, bytes, bytes.dims, true), bytes.dims[1]! / each),
      scales: part(graph.weight(`${name}.scales`, blocks.scales), 1),
      offsets: blocks.offsets && part(graph.weight(`${name}.offsets`, blocks.offsets), 1),
    }, { path });
    const shape = graph.node("Shape", [indices], {}, { path, dtype: "int64" });
    const ends = [shape, graph.ints(dims.slice(1))];
    const wanted = graph.node("Concat", ends, { axis: 0 }, { path, dtype: "int64" });
    return rounded(graph.node("Reshape", [numbers, wanted], {}, { path }));
  }
  const isHalf = stored.dtype === "float16" || stored.dtype === "bfloat16";
  if (isWidened && isHalf && scale === undefined && dtype === "float32") {
    return rounded(gather(graph.weight(name, stored, dims, true)));
  }
  return gather(storedWeight(graph, name, stored, { ...options, dims }));
}

function count(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
