import type { Tensor } from "@denoise/core";
import type { Scope, Value, Weight } from "../graph/mod.ts";
import { add, mul } from "./arithmetic.ts";

/** A matrix of an adapter as a constant of the graph, seen with `rank` axes. */
function constant(s: Scope, name: string, { data, dims }: Tensor, rank: number): Weight {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const stored = { dtype: "float32", dims, data: bytes } as const;
  const view = [...dims.slice(0, rank), ...Array<number>(Math.max(0, rank - dims.length)).fill(1)];
  return { ...s.cast(s.graph.weight(`${s.path}/${name}`, stored, view)), dims: view };
}

/**
 * The result of a layer with the low-rank changes of the adapters in use added.
 *
 * @param rank Axes of the layer's weight: 2 for linear layers, 3 or 4 for convolutions.
 * @param change The layer's work with the two matrices of a change in place of the weight.
 */
export function withChanges(
  s: Scope,
  result: Value,
  rank: number,
  change: (down: Weight, up: Weight) => Value,
): Value {
  return s.changes().reduce((sum, { name, weight, layer }) => {
    const down = constant(s, `${name}.lora_A`, layer.down, rank);
    const up = constant(s, `${name}.lora_B`, layer.up, rank);
    return add(s, sum, mul(s, change(down, up), weight * layer.scale));
  }, result);
}
