import { Buffer } from "node:buffer";
import { encodeBfloat16, type StoredTensor } from "@denoise/safetensors";
import { type Lowering, lowerings } from "./lowering.ts";
import { fewerNodes } from "./fewer_nodes.ts";
import { dataType, type NodeSpec, type PortSpec } from "./onnx_proto.ts";
import { type GraphPart, type StartsPart, writeParts } from "./parts.ts";
import type { Attributes, Dim, ElementType, Value, Weight } from "./value.ts";
import { type BuiltGraph, type GraphContents, type Initializer, writeGraph } from "./write.ts";

/** Types that a graph can compute in. */
export type ComputeDType = "float32" | "float16" | "bfloat16";

/** Operator set of the standard; bfloat16 convolutions and normalizations exist from 22 on. */
const OPSETS: Readonly<Record<ComputeDType, number>> = { float32: 20, float16: 20, bfloat16: 22 };

/** What shapes a graph beside its nodes. */
export interface GraphOptions {
  /** Which operators to use. Defaults to those of the CPU. */
  readonly lowering?: Lowering | undefined;
  /** The type that it computes in. Defaults to float32. */
  readonly dtype?: ComputeDType | undefined;
  /** Into how many bands of rows quantized convolutions cut their input. Defaults to 1. */
  readonly bands?: number | undefined;
}

/** How a node is named and typed. */
export interface NodeOptions {
  /** The module that it belongs to, such as `"down_blocks.0.resnets.0"`. */
  readonly path?: string;
  /** The operator's domain. Defaults to the ONNX standard's. */
  readonly domain?: string;
  /** Element type of its outputs. Defaults to that of its first input. */
  readonly dtype?: ElementType;
  /**
   * It stands before all others in the graph. onnxruntime then runs it when its result is needed, and
   * not with all others of its kind at the start: what is made of a weight lives for one layer.
   */
  readonly early?: boolean;
  /** Which of several outputs are left out, by their places. */
  readonly without?: readonly number[];
  /** Whether all inputs have the same sizes. Defaults to false: perhaps. */
  readonly sameSizes?: boolean;
}

/** Where a block of a model begins or ends, and what goes through all of them. */
export interface BlockEnd {
  /** Names of what goes on to the next block; the samples first. */
  readonly values: readonly string[];
  /** How many nodes there were. */
  readonly at: number;
}

/** A module of a model and what it gives. */
export interface MarkedModule {
  /** Such as `"transformer_blocks.0.attn"`. */
  readonly path: string;
  /** Names of its results. */
  readonly values: readonly string[];
  /** Whether it is an attention to other tokens than those that it is made for. */
  readonly isCross: boolean;
}

/** What the parts of a graph have in common with others. */
export interface PartValues {
  /** Names of values that their part gives, whether or not another one takes them. */
  readonly kept?: readonly string[] | undefined;
  /** Names of values that are given: what makes them is left out. */
  readonly given?: readonly string[] | undefined;
}

/**
 * An ONNX graph under construction (opset 20, or 22 in bfloat16, and onnxruntime's own operators).
 *
 * @example
 * ```ts
 * import { Graph } from "@denoise/onnx/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new Graph();
 * const x = graph.input("x", "float32", ["batch", 3]);
 * graph.output("y", graph.node("Mul", [x, graph.scalar(2)]));
 * assertEquals(graph.size, 2); // the product, and the output's name for it
 * const { model } = graph.build("double");
 * assertEquals(model instanceof Uint8Array, true);
 * ```
 */
export class Graph {
  /** Which operators to use. */
  readonly lowering: Lowering;
  /** The type that it computes in. */
  readonly dtype: ComputeDType;
  /** Into how many bands of rows quantized convolutions cut their input. */
  readonly bands: number;
  readonly #early: NodeSpec[] = [];
  readonly #nodes: NodeSpec[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #inputs: PortSpec[] = [];
  readonly #outputs: PortSpec[] = [];
  readonly #exchanged: string[] = [];
  readonly #names = new Map<string, number>();
  readonly #constants = new Map<string, Value>();
  readonly #made = new Map<string, Value>();
  readonly #makers = new Map<string, NodeSpec>();
  readonly #dtypes = new Map<string, ElementType>();
  readonly #blocks: BlockEnd[] = [];
  readonly #modules: MarkedModule[] = [];
  #timestepScale = 1;
  #widens = false;

  /** Starts an empty graph. */
  constructor({ lowering = lowerings.cpu, dtype = "float32", bands = 1 }: GraphOptions = {}) {
    this.lowering = lowering;
    this.dtype = dtype;
    this.bands = bands;
  }

  /** Names of its outputs. */
  get outputNames(): readonly string[] {
    return this.#outputs.map(({ name }) => name);
  }

  /** How many nodes it has. */
  get size(): number {
    return this.#early.length + this.#nodes.length;
  }

  /** Declares an input; a size that varies is a name, and equal names are equal sizes. */
  input(name: string, dtype: ElementType, dims: readonly Dim[]): Value {
    const port = this.#port(name, "input");
    this.#inputs.push({ name: port, dtype, dims });
    return { name: port, dtype };
  }

  /** An input of float32 numbers that is the same from run to run until another takes its place. */
  exchanged(name: string, dims: readonly number[]): Value {
    this.#exchanged.push(name);
    return this.input(name, "float32", dims);
  }

  /** Names of the inputs that are the same from run to run. */
  get exchangedNames(): readonly string[] {
    return this.#exchanged;
  }

  /** Declares a value as an output under that name. */
  output(name: string, value: Value, dims?: readonly Dim[]): void {
    const port = this.#port(name, "output");
    this.#nodes.push({
      name: `${name}/output`,
      type: "Identity",
      domain: "",
      inputs: [value.name],
      outputs: [port],
      attributes: {},
    });
    this.#outputs.push({ name: port, dtype: value.dtype, dims });
  }

  /** Adds a node with one output. `undefined` leaves an optional input out. */
  node(
    type: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    options: NodeOptions = {},
  ): Value {
    return this.nodes(type, inputs, 1, attributes, options)[0]!;
  }

  /** Adds a node with several outputs of one type. */
  nodes(
    type: string,
    inputs: readonly (Value | undefined)[],
    count: number,
    attributes: Attributes = {},
    options: NodeOptions = {},
  ): Value[] {
    const { path = "", domain = "", dtype = inputs[0]?.dtype ?? this.dtype } = options;
    const { early, without = [], sameSizes } = options;
    const name = this.#unique(path === "" ? type : `${path}/${type}`);
    const outputs = Array.from(
      { length: count },
      (_, index) => ({ name: count === 1 ? name : `${name}#${index}`, dtype }),
    );
    const node = {
      name,
      type,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: outputs.map((output, index) => without.includes(index) ? "" : output.name),
      attributes,
      ...(sameSizes && { sameSizes }),
    };
    (early ? this.#early : this.#nodes).push(node);
    for (const output of outputs) {
      this.#makers.set(output.name, node);
      this.#dtypes.set(output.name, dtype);
    }
    return outputs;
  }

  /** The node that makes the value of that name; an input or a constant has none. */
  maker(name: string): NodeSpec | undefined {
    return this.#makers.get(name);
  }

  /** The input of that name, where it is one. */
  port(name: string): PortSpec | undefined {
    return this.#inputs.find((port) => port.name === name);
  }

  /** Converts a value; the same value when it has that type already. */
  cast(value: Value, dtype: ElementType, options: Omit<NodeOptions, "dtype"> = {}): Value {
    if (value.dtype === dtype) return value;
    return this.node("Cast", [value], { to: dataType(dtype) }, { ...options, dtype });
  }

  /** What was made under that key before, or what `make` makes now. */
  once(key: string, make: () => Value): Value {
    const value = this.#made.get(key) ?? make();
    this.#made.set(key, value);
    return value;
  }

  /** A constant int64 vector, as operators take shapes and axes. */
  ints(values: readonly number[]): Value {
    const data = new BigInt64Array(values.map((value) => BigInt(value)));
    return this.#constant("int64", [values.length], data);
  }

  /** A constant number; in the type that the graph computes in unless another is given. */
  scalar(value: number, dtype: ComputeDType | "int64" = this.dtype): Value {
    return this.#constant(dtype, [], typed(dtype, [value]));
  }

  /** A constant uint8 number, as operators on bits take it. */
  uint8(value: number): Value {
    return this.#constant("uint8", [], Uint8Array.of(value));
  }

  /** A constant tensor of floats; in the type that the graph computes in unless another is given. */
  floats(
    values: ArrayLike<number>,
    dims: readonly number[] = [values.length],
    dtype: ComputeDType = this.dtype,
  ): Value {
    return this.#constant(dtype, dims, typed(dtype, values));
  }

  /**
   * A tensor of a checkpoint as a constant, its numbers as they are stored.
   *
   * @param dims Other sizes that it is viewed with.
   * @param stays Nothing is computed from it before the graph runs, so that its bytes are used where
   *   they lie: for onnxruntime it is an input with a value, which might change.
   */
  weight(
    name: string,
    tensor: StoredTensor,
    dims: readonly number[] = tensor.dims,
    stays = false,
  ): Weight {
    const key = `${name} ${dims}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known as Weight;
    const { dtype, data } = tensor;
    const weight: Weight = { name: this.#unique(name), dtype, dims };
    this.#initializers.push({ name: weight.name, dtype, dims, data });
    if (stays) this.#inputs.push({ name: weight.name, dtype, dims });
    this.#widens ||= stays;
    this.#constants.set(key, weight);
    return weight;
  }

  /** Where the first block begins, and where blocks end, in their order. */
  get blocks(): readonly BlockEnd[] {
    return this.#blocks;
  }

  /** Modules whose results were noted. */
  get modules(): readonly MarkedModule[] {
    return this.#modules;
  }

  /** Notes that the first block begins here, or that one ends, and what goes on; the samples first. */
  markBlock(values: readonly Value[]): void {
    this.#blocks.push({ values: values.map(({ name }) => name), at: this.#nodes.length });
  }

  /** Notes what a module gives, and whether it is an attention to other tokens. */
  markModule(path: string, values: readonly Value[], { isCross = false } = {}): void {
    this.#modules.push({ path, values: values.map(({ name }) => name), isCross });
  }

  /** What the input `timestep` is multiplied by to be one of a schedule, 0 to 1000. */
  get timestepScale(): number {
    return this.#timestepScale;
  }

  /** Notes that the input `timestep` is so many times smaller than those of a schedule. Before, it is one of them. */
  markTimestepScale(scale: number): void {
    this.#timestepScale = scale;
  }

  /** Names of the inputs that have a row for each sample. */
  get batchedInputs(): readonly string[] {
    return this.#inputs.filter(({ dims }) => dims?.[0] === "batch").map(({ name }) => name);
  }

  /** Writes the graph, without the nodes and weights on which no output depends. */
  build(name: string): BuiltGraph {
    return writeGraph(name, this.#contents(this.#fewer(this.#needed())));
  }

  /** Writes the graph in parts, each of which holds no more than its own weights. */
  buildParts(
    name: string,
    startsPart: StartsPart,
    { kept = [], given = [] }: PartValues = {},
  ): GraphPart[] {
    const early = new Set(this.#early);
    const needed = this.#needed(kept, given);
    const places = new Map(this.#nodes.map((node, i) => [node, i]));
    return writeParts(name, this.#contents(needed.filter((node) => !early.has(node))), {
      early: needed.filter((node) => early.has(node)),
      startsPart: (node, before) => startsPart(node, before, places.get(node)!),
      kept,
      dtypeOf: (value) => this.#dtypes.get(value)!,
    });
  }

  #contents(nodes: readonly NodeSpec[]): GraphContents {
    return {
      nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
      opset: OPSETS[this.dtype],
      widens: this.#widens,
    };
  }

  /** The nodes on which outputs depend, in their order. */
  #needed(kept: readonly string[] = [], given: readonly string[] = []): NodeSpec[] {
    const wanted = new Set([...this.#outputs.map((output) => output.name), ...kept]);
    const isMade = new Set(given);
    const needed = [...this.#early, ...this.#nodes].reverse().filter(({ inputs, outputs }) => {
      if (!outputs.some((output) => wanted.has(output) && !isMade.has(output))) return false;
      for (const input of inputs) wanted.add(input);
      return true;
    });
    return needed.reverse();
  }

  /** The same graph in fewer nodes, where a device has operators of several steps. */
  #fewer(nodes: readonly NodeSpec[]): readonly NodeSpec[] {
    if (!this.lowering.fusedSteps) return nodes;
    const varying = new Set(this.#inputs.map(({ name }) => name));
    const weights = new Map(this.#initializers.map(({ name, dims }) => [name, dims]));
    const weightDims = (name: string): readonly number[] | undefined => {
      const maker = this.#makers.get(name);
      if (maker?.type === "Cast") return weightDims(maker.inputs[0]!);
      return varying.has(name) ? undefined : weights.get(name);
    };
    return fewerNodes(nodes, { weightDims, ints: (values) => this.ints(values).name });
  }

  #constant(
    dtype: ElementType,
    dims: readonly number[],
    data: ArrayBufferView<ArrayBuffer>,
  ): Value {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = `${dtype} ${dims} ${
      bytes.length > 256 ? Buffer.from(bytes).toString("hex") : bytes.join()
    }`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const value: Value = { name: this.#unique("constant"), dtype };
    this.#initializers.push({ name: value.name, dtype, dims, data: bytes });
    this.#constants.set(key, value);
    return value;
  }

  /** A name that callers see, so it cannot be changed to be unique. */
  #port(name: string, what: string): string {
    if (!this.#names.has(name)) return this.#unique(name);
    throw new TypeError(`Cannot name an ${what} "${name}": the graph has a value of that name`);
  }

  #unique(name: string): string {
    const count = this.#names.get(name) ?? 0;
    this.#names.set(name, count + 1);
    return count === 0 ? name : this.#unique(`${name}~${count}`);
  }
}

function typed(
  dtype: ComputeDType | "int64",
  values: ArrayLike<number>,
): ArrayBufferView<ArrayBuffer> {
  if (dtype === "float32") return Float32Array.from(values);
  if (dtype === "float16") return Float16Array.from(values);
  if (dtype === "bfloat16") return new Uint16Array(encodeBfloat16(values));
  return BigInt64Array.from(Array.from(values, (value) => BigInt(value)));
}
