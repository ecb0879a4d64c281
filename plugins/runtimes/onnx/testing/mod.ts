/**
 * Help for tests of layers and models: a few lines of graph, run at once.
 *
 * @module
 */
import type { Tensor } from "@denoise/core";
import { inlineEngine } from "../engine/inline.ts";
import { Checkpoint, Graph, type GraphOptions, Scope, type Value } from "../graph/mod.ts";
import type { StoredTensor } from "@denoise/safetensors";

/** Tensors in memory as a checkpoint. */
export function checkpointOf(tensors: Readonly<Record<string, Tensor>>): Checkpoint {
  const stored = Object.entries(tensors).map(([name, { dtype, dims, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, { dtype, dims, data: bytes } satisfies StoredTensor] as const;
  });
  return new Checkpoint(stored);
}

/**
 * Builds a graph from layers and runs it once.
 *
 * @param inputs Tensors given to the layers as values of the same names.
 * @param weights The checkpoint, or its tensors by name.
 */
export async function runLayers(
  build: (s: Scope, inputs: Readonly<Record<string, Value>>) => Value,
  inputs: Readonly<Record<string, Tensor>>,
  weights: Readonly<Record<string, Tensor>> | Checkpoint = {},
  options: GraphOptions = {},
): Promise<Tensor> {
  const graph = new Graph(options);
  const checkpoint = weights instanceof Checkpoint ? weights : checkpointOf(weights);
  const values = Object.entries(inputs).map(([name, { dtype, dims }]) => {
    const value = graph.input(name, dtype, dims);
    return [name, dtype === "float32" ? graph.cast(value, graph.dtype) : value] as const;
  });
  const result = build(new Scope(graph, checkpoint), Object.fromEntries(values));
  graph.output("result", result.dtype === graph.dtype ? graph.cast(result, "float32") : result);
  const engine = inlineEngine();
  try {
    const session = await engine.createSession({ ...graph.build("test"), name: "test" });
    return (await session.run(inputs))["result"]!;
  } finally {
    await engine.close();
  }
}
