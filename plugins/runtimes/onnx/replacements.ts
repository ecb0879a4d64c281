import type { LoraAdapter, LoraLayer } from "@denoise/adapters";
import { type JsonObject, Tensor } from "@denoise/core";
import { readTensor, type StoredTensor, storedTensor } from "@denoise/safetensors";

/** What adapters put in the place of what a model has. */
export interface Replacements {
  /** Tensors by their names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Options of its config. */
  readonly config: JsonObject;
  /** The adapters, whose changes are as wide as the layers are now. */
  readonly adapters: readonly LoraAdapter[];
}

/**
 * What adapters replace in a model: whole tensors, and layers that take more inputs than they had.
 *
 * @param stored The model's own tensor of a name.
 * @throws {RangeError} for a tensor that the model lacks, or has in another shape.
 */
export async function replacementsOf(
  adapters: readonly LoraAdapter[],
  stored: (name: string) => StoredTensor | undefined,
): Promise<Replacements> {
  const tensors = new Map<string, StoredTensor>();
  const config: Record<string, number> = {};
  const widths = new Map<string, number>();
  for (const { name, layers, widens = {}, tensors: given = new Map() } of adapters) {
    for (const [tensor, value] of given) {
      const own = stored(tensor)?.dims;
      if (String(own) !== String(value.dims)) {
        throw new RangeError(
          `Cannot apply the LoRA ${JSON.stringify(name)}: its tensor "${tensor}" is ` +
            `[${value.dims.join(", ")}], where the model has ` +
            (own === undefined ? "none" : `[${own.join(", ")}]`),
        );
      }
      tensors.set(tensor, storedTensor(value));
    }
    for (const [layer, option] of Object.entries(widens)) {
      const weight = stored(`${layer}.weight`);
      const width = layers.get(layer)?.down.dims[1] ?? 0;
      if (weight === undefined || width <= (widths.get(layer) ?? weight.dims[1]!)) continue;
      const own = (await readTensor(weight)).astype("float32");
      tensors.set(`${layer}.weight`, storedTensor(widened(own, width)));
      widths.set(layer, width);
      config[option] = width;
    }
  }
  return { tensors, config, adapters: adapters.map((adapter) => fitted(adapter, widths)) };
}

/** A matrix [rows, columns] with zeros for the columns that it lacks. */
function widened(matrix: Tensor, width: number): Tensor {
  const [rows, columns] = matrix.dims as [number, number];
  return columns >= width ? matrix : Tensor.cat([matrix, Tensor.zeros([rows, width - columns])], 1);
}

/** An adapter that was trained for layers of fewer inputs. */
function fitted(adapter: LoraAdapter, widths: ReadonlyMap<string, number>): LoraAdapter {
  if (widths.size === 0) return adapter;
  const layers = [...adapter.layers].map(([name, layer]): [string, LoraLayer] => {
    const width = widths.get(name);
    const isPlain = width !== undefined && layer.left === undefined;
    return [name, isPlain ? { ...layer, down: widened(layer.down, width) } : layer];
  });
  return { ...adapter, layers: new Map(layers) };
}
