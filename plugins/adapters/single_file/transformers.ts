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
  const width = Number(config["num_attention_heads"]) * Number(config["attention_head_dim"]);
  const renamed = await Promise.all(tensors.map(async ([name, tensor]): Promise<NamedTensor[]> => {
    const today = todaysLayers(name, rules);
    if (today === undefined) return [[name, tensor]];
    const { names: [first, ...others], swapped } = today;
    if (swapped) return [[first!, await swapHalves(tensor)]];
    if (others.length === 0) return [[first!, tensor]];
    // queries, keys and values, and the rest is a feed forward's
    const one = others.length === 2 ? tensor.dims[0]! / 3 : width;
    const rest = others.slice(2).map(() => tensor.dims[0]! - 3 * one);
    const parts = splitRows(tensor, [one, one, one, ...rest]);
    return [first!, ...others].map((now, i) => [now, parts[i]!]);
  }));
  return renamed.flat();
}
