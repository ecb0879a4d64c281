import type { FrozenConfig, Tensor } from "@denoise/core";
import { type Checkpoint, Graph, type GraphOptions, Scope } from "./graph/mod.ts";
import type { GraphAdapters, Value, WeightDType } from "./graph/mod.ts";
import type { GraphDefinition, Port } from "./model_definition.ts";

/** The input that multiplies the weights of all adapters, where a call has a say in it. */
export const LORA_SCALE = "lora_scale";

/** Makes one graph of a model with the inputs of these names. */
export function makeGraph<C extends object>(
  definition: GraphDefinition<C>,
  config: FrozenConfig<C>,
  checkpoint: Checkpoint,
  inputNames: ReadonlySet<string>,
  { weightDType, adapters, outputs, ...options }: GraphOptions & {
    readonly weightDType: WeightDType;
    readonly adapters: Omit<GraphAdapters, "scale">;
    /** Names of the outputs that it has. Defaults to all. */
    readonly outputs?: readonly string[] | undefined;
  },
): Graph {
  const graph = new Graph({ ...options, bands: definition.bands });
  const inputs: Record<string, Value> = {};
  for (
    const [input, { dtype, dims, exact }] of Object.entries(
      definition.inputs(config, (name) => checkpoint.added(name)),
    )
  ) {
    if (!inputNames.has(input)) continue;
    const value = graph.input(input, dtype, dims);
    const isNumbers = dtype === "float32" && !exact;
    inputs[input] = isNumbers ? graph.cast(value, graph.dtype, { path: input }) : value;
  }
  const scale = inputNames.has(LORA_SCALE) ? graph.input(LORA_SCALE, "float32", []) : undefined;
  const scope = new Scope(graph, checkpoint, "", weightDType, { ...adapters, scale });
  for (const [output, value] of Object.entries(definition.build(scope, config, inputs))) {
    if (outputs?.includes(output) === false) continue;
    graph.output(output, value.dtype === graph.dtype ? graph.cast(value, "float32") : value);
  }
  return graph;
}

/**
 * Makes sure that tensors fit the inputs of a graph.
 *
 * @throws {TypeError} naming the input, what it is and what it must be.
 */
export function checkInputs(
  name: string,
  ports: Readonly<Record<string, Port>>,
  inputs: Readonly<Record<string, Tensor>>,
): void {
  for (const [input, { optional }] of Object.entries(ports)) {
    if (!optional && inputs[input] === undefined) {
      throw new TypeError(`Cannot run ${name}: the input "${input}" is missing`);
    }
  }
  const sizes = new Map<string, { size: number; input: string }>();
  for (const [input, tensor] of Object.entries(inputs)) {
    const port = Object.hasOwn(ports, input) ? ports[input] : undefined;
    if (port === undefined) {
      throw new TypeError(
        `Cannot run ${name}: it has no input "${input}"; it has ${Object.keys(ports).join(", ")}`,
      );
    }
    const wanted = `${port.dtype} [${port.dims.join(", ")}]`;
    const refuse = (why = "") =>
      new TypeError(
        `Cannot run ${name}: "${input}" must be ${wanted}${why}, but is ` +
          `${tensor.dtype} [${tensor.dims.join(", ")}]`,
      );
    if (tensor.dtype !== port.dtype || tensor.dims.length !== port.dims.length) throw refuse();
    for (const [axis, dim] of port.dims.entries()) {
      const size = tensor.dims[axis]!;
      if (typeof dim === "number") {
        if (size !== dim) throw refuse();
        continue;
      }
      const known = sizes.get(dim);
      if (known === undefined) sizes.set(dim, { size, input });
      else if (known.size !== size) {
        throw refuse(` with ${dim} ${known.size} as in "${known.input}"`);
      }
    }
  }
}
