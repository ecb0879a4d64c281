import { originalLayers, todaysLayers } from "@denoise/adapters";
import type { JsonObject } from "@denoise/core";
import { splitRows, swapHalves } from "@denoise/safetensors";
import type { NamedTensor } from "./tensors.ts";

/**
 * The tensors of a transformer by today's names. Layers that a file has in one are rows of it, where
 * they lie; tensors with other names are left as they are.
 */
export async function transformerTensors(
  className: keyof typeof originalLayers,
  tensors: readonly NamedTensor[],
  config: JsonObject,
): Promise<NamedTensor[]> {
  const rules = originalLayers[className](Number(config["num_layers"]));
  const renamed = await Promise.all(tensors.map(async ([name, tensor]): Promise<NamedTensor[]> => {
    const today = todaysLayers(name, rules);
    if (today === undefined) return [[name, tensor]];
    const { names, swapped, rows } = today;
    if (rows !== undefined) {
      return [[names[0]!, { ...tensor, dims: [rows, elements(tensor) / rows] }]];
    }
    if (swapped) return [[names[0]!, await swapHalves(tensor)]];
    if (names.length < 2) return names.map((now) => [now, tensor]);
    const parts = splitRows(tensor, rowsOf(names.length, tensor.dims[0]!, config));
    return names.map((now, i) => [now, parts[i]!]);
  }));
  return renamed.flat();
}

/** Rows of so many layers in one: keys and values, queries before them, and what a feed-forward has after them. */
function rowsOf(layers: number, all: number, config: JsonObject): number[] {
  const heads = Number(config["num_attention_heads"]);
  if (layers === 2) return [all / 2, all / 2];
  if (layers === 4) {
    const one = heads * Number(config["attention_head_dim"]);
    return [one, one, one, all - 3 * one];
  }
  const groups = Number(config["num_kv_heads"] ?? heads) / heads || 1; // of keys and values for a head of queries
  const query = all / (1 + 2 * groups);
  return [query, query * groups, query * groups];
}

function elements({ dims }: NamedTensor[1]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
