import type { LoraAdapter, LoraLayer } from "@denoise/core";

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
      const lengths = change.magnitude?.size ?? shape[0];
      if (sameShape(made, shape) && rank === inner && lengths === shape[0]) continue;
      throw new RangeError(
        `${cannot}: "${layer}" has weights [${shape.join(", ")}], but the LoRA is for ` +
          `[${made.join(", ")}] with ranks ${rank} and ${inner}` +
          (lengths === shape[0] ? "" : ` and ${lengths} magnitudes`) +
          "; is it of another model?",
      );
    }
  }
}

/** Of the weight that a change belongs to. */
function changedShape({ down, up = down, left }: LoraLayer): readonly number[] {
  const [rows = 1, columns = 1] = left?.dims ?? [];
  const [input = 0, ...kernel] = down.dims.slice(1);
  return [rows * up.dims[0]!, columns * input, ...kernel];
}

/** A layer over single pixels may be a convolution in one place and linear in the other. */
function sameShape(a: readonly number[], b: readonly number[]): boolean {
  const long = (dims: readonly number[]) => [...dims, 1, 1].slice(0, Math.max(a.length, b.length));
  return String(long(a)) === String(long(b));
}
