/**
 * Weights with the changes of adapters in them. They are made once, by a graph of each layer, and kept in the
 * folder `fused` of the cache, from which they are mapped; it can be removed at any time.
 *
 * @module
 */
import { type LoraAdapter, weightAt } from "@denoise/adapters";
import type { Tensor, TorchDtype } from "@denoise/core";
import {
  bytesAs,
  keptTensors,
  placesOf,
  type StoredTensor,
  storedTensor,
  type TensorToWrite,
} from "@denoise/safetensors";
import type { Engine } from "./engine/engine.ts";
import { type Checkpoint, Graph, Scope } from "./graph/mod.ts";
import { fusedWeight, namedParts } from "./nn/lora.ts";

/** Changes when what is written changes. */
const FORMAT = 1;

/** What weights are fused for. */
export interface FuseOptions {
  /** Its class, for messages. */
  readonly className: string;
  /** What computes them, on the CPU. */
  readonly engine: Engine;
  /** The type that a weight of that name is kept in. */
  readonly dtypeOf: (name: string) => TorchDtype;
}

/**
 * The weights and biases that adapters change, with the changes in them, by their names.
 *
 * @param adapters Those that are merged, `fused` of them.
 */
export async function fusedTensors(
  checkpoint: Checkpoint,
  adapters: readonly LoraAdapter[],
  options: FuseOptions,
): Promise<ReadonlyMap<string, StoredTensor>> {
  if (adapters.length === 0) return new Map();
  const merged = adapters.map((adapter) => ({ ...adapter, weight: adapter.fused! }));
  const layers = [...new Set(merged.flatMap(({ layers }) => [...layers.keys()]))];
  checkBiases(checkpoint, merged, options.className);
  const own = layers.flatMap((layer) =>
    namesOf(layer, merged).map((name) => [name, checkpoint.take(name, layer)] as const)
  );
  const changes = merged.flatMap((adapter, i) =>
    [...adapter.layers].flatMap(([layer, change]) => {
      const factor = change.scale * weightAt(adapter, layer);
      return namedParts(
        `${i} ${adapter.name} ${layer} ${factor} ${JSON.stringify(change.rows)}`,
        change,
      )
        .map(([part, tensor]) => [part, storedTensor(tensor)] as const);
    })
  );
  const dtypes = own.map(([name]) => options.dtypeOf(name));
  const key = [FORMAT, dtypes, await placesOf([...own, ...changes])];
  return await keptTensors(
    "fused",
    key,
    () => layers.flatMap((layer) => tensorsOf(checkpoint, layer, merged, options)),
  );
}

/** Makes sure that biases are added to biases. */
function checkBiases(
  checkpoint: Checkpoint,
  adapters: readonly LoraAdapter[],
  className: string,
): void {
  for (const { name, layers } of adapters) {
    for (const [layer, { bias }] of layers) {
      if (bias === undefined || checkpoint.peek(`${layer}.bias`) !== undefined) continue;
      throw new RangeError(
        `Cannot fuse the LoRA ${
          JSON.stringify(name)
        } into ${className}: it adds a bias to "${layer}", ` +
          `which has none; leave it beside the layers`,
      );
    }
  }
}

/** The tensors of a layer that adapters change. */
function namesOf(layer: string, adapters: readonly LoraAdapter[]): string[] {
  const isBiased = adapters.some(({ layers }) => layers.get(layer)?.bias !== undefined);
  return [`${layer}.weight`, ...(isBiased ? [`${layer}.bias`] : [])];
}

function tensorsOf(
  checkpoint: Checkpoint,
  layer: string,
  adapters: readonly LoraAdapter[],
  { className, engine, dtypeOf }: FuseOptions,
): TensorToWrite[] {
  const names = namesOf(layer, adapters);
  let made: Promise<Readonly<Record<string, Tensor>>> | undefined;
  return names.map((name) => {
    const { dims } = checkpoint.take(name, layer);
    const dtype = dtypeOf(name);
    return {
      name,
      dtype,
      dims,
      bytes: async () => {
        made ??= compute(`${className} fused`, checkpoint, layer, adapters, engine);
        const tensor = (await made)[name.slice(layer.length + 1)]!;
        if (name === names.at(-1)) made = undefined;
        return await bytesAs(storedTensor(tensor), dtype);
      },
    };
  });
}

/** Weight and bias of a layer with the changes in them, in float32. */
async function compute(
  name: string,
  checkpoint: Checkpoint,
  layer: string,
  adapters: readonly LoraAdapter[],
  engine: Engine,
): Promise<Readonly<Record<string, Tensor>>> {
  const graph = new Graph();
  const s = new Scope(graph, checkpoint, layer, "float32", { list: adapters });
  for (const [part, value] of Object.entries(fusedWeight(s))) {
    graph.output(part, s.cast(value, "float32"));
  }
  const { model, folder } = graph.build(name);
  const session = await engine.createSession({ name, model, folder, optimization: "none" });
  try {
    return await session.run({});
  } finally {
    await session.release();
  }
}
