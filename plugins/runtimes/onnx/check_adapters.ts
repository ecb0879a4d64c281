import type { LoraAdapter, LoraLayer } from "@denoise/adapters";

/**
 * Makes sure that adapters belong to a model.
 *
 * @throws {RangeError} naming the layer that is not there, or has another shape.
 */
export function checkAdapters(
  className: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  adapters: readonly LoraAdapter[],
): void {
  for (const { name, layers } of adapters) {
    for (const [layer, change] of layers) {
      const shape = shapes.get(layer);
      const cannot = `Cannot apply the LoRA ${JSON.stringify(name)} to ${className}`;
      if (shape === undefined) {
        throw new RangeError(
          `${cannot}: the model has no layer "${layer}"; is it of another model?`,
        );
      }
      const made = changedShape(change);
      const [rank, inner] = [change.down.dims[0], change.up?.dims[1] ?? change.down.dims[0]];
      const lengths = change.magnitude?.size ?? change.bias?.size ?? shape[0];
      if (sameShape(made, shape) && rank === inner && lengths === shape[0]) continue;
      throw new RangeError(
        `${cannot}: "${layer}" has weights [${shape.join(", ")}], but the LoRA is for ` +
          `[${made.join(", ")}] with ranks ${rank} and ${inner}` +
          (lengths === shape[0] ? "" : ` and ${lengths} magnitudes or biases`) +
          "; is it of another model?",
      );
    }
  }
}

/** The changes of layers, with a note of the layers that were asked for. */
export function noting(
  layers: LoraAdapter["layers"],
  asked: Set<string>,
): LoraAdapter["layers"] {
  const noted = new Map(layers);
  noted.get = (layer) => {
    asked.add(layer);
    return layers.get(layer);
  };
  return noted;
}

/**
 * Makes sure that each change has a layer that takes it: an embedding has a weight, but no changes.
 *
 * @param asked The layers that asked for changes when the graphs were built.
 * @throws {RangeError} naming the layer that takes none.
 */
export function checkApplied(
  className: string,
  adapters: readonly LoraAdapter[],
  asked: ReadonlySet<string>,
): void {
  for (const { name, layers } of adapters) {
    const left = [...layers.keys()].find((layer) => !asked.has(layer));
    if (left === undefined) continue;
    throw new RangeError(
      `Cannot apply the LoRA ${
        JSON.stringify(name)
      } to ${className}: its layer "${left}" is neither ` +
        `linear nor a convolution, and cannot be changed by a LoRA`,
    );
  }
}

/** Of the weight that a change belongs to. */
function changedShape({ down, up = down, left, rows }: LoraLayer): readonly number[] {
  const [high = 1, wide = 1] = left?.dims ?? [];
  const [input = 0, ...kernel] = down.dims.slice(1);
  const own = rows?.reduce((sum, [from, to]) => sum + to - from, 0);
  return [own ?? high * up.dims[0]!, wide * input, ...kernel];
}

/** A layer over single pixels may be a convolution in one place and linear in the other. */
function sameShape(a: readonly number[], b: readonly number[]): boolean {
  const long = (dims: readonly number[]) => [...dims, 1, 1].slice(0, Math.max(a.length, b.length));
  return String(long(a)) === String(long(b));
}
