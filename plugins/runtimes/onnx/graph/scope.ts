import { DenoiseError } from "@denoise/core";
import { type LoraAdapter, type LoraLayer, weightAt } from "@denoise/adapters";
import type { StoredTensor } from "@denoise/safetensors";
import type { Checkpoint } from "./checkpoint.ts";
import type { ComputeDType, Graph, NodeOptions } from "./graph.ts";
import { LEVELS, type QuantizedWeight } from "./quantized_weight.ts";
import { storedRows, storedWeight, type WeightDType } from "./stored_weight.ts";
import type { Attributes, ElementType, Value, Weight } from "./value.ts";

/** The adapters of a graph, and how they are in it. */
export interface GraphAdapters {
  /** Those in use. */
  readonly list: readonly LoraAdapter[];
  /** A number that their weights are multiplied by. */
  readonly scale?: Value | undefined;
  /** Whether their matrices are inputs of the graph. Defaults to false: constants. */
  readonly exchanges?: boolean | undefined;
}

/**
 * A place in a model: the graph under construction and a module of the checkpoint. Every layer and
 * block takes one as its first argument and gives the modules inside it `s.at("conv1")`.
 *
 * @example
 * ```ts
 * import { Checkpoint, Graph, Scope } from "@denoise/onnx/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const data = new Uint8Array(new Float32Array([1, 2]).buffer);
 * const checkpoint = new Checkpoint([["norm.weight", { dtype: "float32", dims: [2], data }]]);
 * const s = new Scope(new Graph(), checkpoint).at("norm");
 * assertEquals(s.path, "norm");
 * assertEquals(s.tensor("weight").dims, [2]);
 * ```
 */
export class Scope {
  /** The graph that nodes are added to. */
  readonly graph: Graph;
  /** The tensors of the whole model. */
  readonly checkpoint: Checkpoint;
  /** Name of the module, such as `"down_blocks.0.resnets.0"`; `""` is the whole model. */
  readonly path: string;
  /** In which type weights are held. */
  readonly weightDType: WeightDType;
  /** The type that this module computes in; the graph's own but for {@linkcode Scope.exact}. */
  readonly dtype: ComputeDType;
  readonly #adapters: GraphAdapters;

  /** The root of a model, unless a path is given. */
  constructor(
    graph: Graph,
    checkpoint: Checkpoint,
    path = "",
    weightDType: WeightDType = "float32",
    adapters: GraphAdapters = { list: [] },
    dtype: ComputeDType = graph.dtype,
  ) {
    this.graph = graph;
    this.checkpoint = checkpoint;
    this.path = path;
    this.weightDType = weightDType;
    this.#adapters = adapters;
    this.dtype = dtype;
  }

  /** A module inside this one: `s.at("resnets", 0)` is `s.at("resnets.0")`. */
  at(...names: readonly (string | number)[]): Scope {
    const path = this.#name(names.join("."));
    const { graph, checkpoint, weightDType, dtype } = this;
    return new Scope(graph, checkpoint, path, weightDType, this.#adapters, dtype);
  }

  /** The same module with weights as they are stored, computing in float32 on every device. */
  exact(): Scope {
    const { graph, checkpoint, path } = this;
    return new Scope(graph, checkpoint, path, "float32", this.#adapters, "float32");
  }

  /** How tensors become numbers that this module computes with. */
  get #storage() {
    const { path, weightDType, dtype, checkpoint: { isSmall: once } } = this;
    return { path, weightDType, dtype, once } as const;
  }

  /** What a run multiplies the weights of all adapters by; undefined where it does not. */
  get loraScale(): Value | undefined {
    return this.#adapters.scale;
  }

  /** Whether the matrices of adapters are inputs of the graph, so that others can take their place. */
  get exchanges(): boolean {
    return this.#adapters.exchanges ?? false;
  }

  /** The low-rank changes of this module that are in use. */
  changes(): { readonly name: string; readonly weight: number; readonly layer: LoraLayer }[] {
    return this.#adapters.list.flatMap((adapter) => {
      const layer = adapter.layers.get(this.path);
      const weight = weightAt(adapter, this.path);
      return layer === undefined || weight === 0 ? [] : [{ name: adapter.name, weight, layer }];
    });
  }

  /**
   * Whether an adapter has added this tensor, or a module of this name. What the model has of its own
   * follows from its config and is never asked for: a file that lacks it is refused.
   */
  added(name: string): boolean {
    return this.checkpoint.added(this.#name(name));
  }

  /**
   * The sizes of a tensor.
   *
   * @throws {DenoiseError} `missing_tensor`.
   */
  shape(name: string): readonly number[] {
    const full = this.#name(name);
    return (this.checkpoint.peek(full) ?? this.checkpoint.take(full, this.path)).dims;
  }

  /**
   * A tensor of the checkpoint, floats in the type that the graph computes in.
   *
   * @param view Other sizes for the same numbers; a row of [C] may be viewed as [C, 1, 1].
   * @throws {DenoiseError} `missing_tensor`.
   */
  tensor(name: string, view?: readonly number[]): Weight {
    const full = this.#name(name);
    const stored = this.checkpoint.take(full, this.path);
    const dims = view ?? stored.dims;
    assertView(full, stored, dims);
    const options = { dims, ...this.#storage };
    return { ...storedWeight(this.graph, full, stored, options), dims };
  }

  /**
   * Rows of a table of the checkpoint [count, width] for int64 indices [...]: [..., width].
   *
   * @throws {DenoiseError} `missing_tensor`.
   */
  rows(name: string, indices: Value): Value {
    const full = this.#name(name);
    const stored = this.checkpoint.take(full, this.path);
    return storedRows(this.graph, full, stored, indices, this.#storage);
  }

  /** What takes the place of the tensor `weight` that a layer multiplies with, where it is quantized. */
  quantized(): QuantizedWeight | undefined {
    const name = this.#name("weight");
    const quantized = this.checkpoint.takeFactor(name, this.path);
    if (quantized !== undefined) return quantized;
    const { blocks, dims, data } = this.checkpoint.take(name, this.path);
    const kind = blocks?.levels === undefined ? "blocks" : "levels";
    const isMultiplied = this.graph.lowering.quantized.includes(kind);
    if (blocks === undefined || dims.length !== 2 || !isMultiplied) return undefined;
    const { bits, size, zero, scales, offsets } = blocks;
    const [out, width] = dims as [number, number];
    if (blocks.levels !== undefined) {
      const levels = levelsOf(blocks.levels);
      if (levels === undefined || size < 16) return undefined;
      const values = { dtype: "uint8", dims: [data.length], data } as const;
      const flat = { ...scales, dims: [out * width / size] };
      return { kind: "levels", levels, blockSize: size, values, scales: flat, height: out, width };
    }
    const values = { dtype: "uint8", dims: [out, width / size, size * bits / 8], data } as const;
    return { kind: "blocks", bits, blockSize: size, values, scales, zero, offsets, width };
  }

  /** Adds a node of this module with one output; `undefined` leaves an optional input out. */
  op(
    type: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    options: Omit<NodeOptions, "path"> = {},
  ): Value {
    const { path } = this;
    const isLacking = inputs.some((input) => input?.dtype === "bfloat16") &&
      this.graph.lowering.notInBfloat16.includes(type);
    if (!isLacking) return this.graph.node(type, inputs, attributes, { ...options, path });
    const wide = inputs.map((input) =>
      input?.dtype === "bfloat16" ? this.cast(input, "float32") : input
    );
    const result = this.graph.node(type, wide, attributes, { ...options, path });
    return options.dtype === undefined ? this.cast(result, "bfloat16") : result;
  }

  /** Adds a node of this module with several outputs. */
  ops(
    type: string,
    inputs: readonly (Value | undefined)[],
    count: number,
    attributes: Attributes = {},
    options: Omit<NodeOptions, "path"> = {},
  ): Value[] {
    return this.graph.nodes(type, inputs, count, attributes, { ...options, path: this.path });
  }

  /** Converts a value; the same value when it has that type already. */
  cast(value: Value, dtype: ElementType = this.dtype): Value {
    return this.graph.cast(value, dtype, { path: this.path });
  }

  /** A constant int64 vector, as operators take shapes and axes. */
  ints(values: readonly number[]): Value {
    return this.graph.ints(values);
  }

  /** A constant number in the type that the module computes in, unless another is given. */
  scalar(value: number, dtype: ComputeDType | "int64" = this.dtype): Value {
    return this.graph.scalar(value, dtype);
  }

  /** A constant tensor of floats. */
  floats(values: ArrayLike<number>, dims?: readonly number[]): Value {
    return this.graph.floats(values, dims, this.dtype);
  }

  #name(name: string): string {
    return this.path === "" ? name : name === "" ? this.path : `${this.path}.${name}`;
  }
}

/** The levels that products know, by bitsandbytes' names; undefined for others. */
function levelsOf(levels: readonly number[]): "fp4" | "nf4" | undefined {
  return (["fp4", "nf4"] as const).find((kind) =>
    LEVELS[kind].every((level, i) => Math.fround(level) === levels[i])
  );
}

function assertView(name: string, stored: StoredTensor, view: readonly number[]): void {
  const size = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);
  if (size(stored.dims) === size(view)) return;
  throw new DenoiseError(
    "missing_tensor",
    `Cannot build the model: the checkpoint's tensor "${name}" is [${stored.dims.join(", ")}], ` +
      `where [${view.join(", ")}] is needed`,
  );
}
