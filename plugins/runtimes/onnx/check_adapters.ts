import type { LoraAdapter } from "@denoise/core";

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
    for (const [layer, { down, up }] of layers) {
      const shape = shapes.get(layer);
      const cannot = `Cannot apply the LoRA ${JSON.stringify(name)} to ${className}`;
      if (shape === undefined) {
        throw new RangeError(
          `${cannot}: the model has no layer "${layer}"; is it of another model?`,
        );
      }
      const [out, input] = shape;
      const [rank, from] = down.dims;
      const [to, inner] = up.dims;
      if (from === input && to === out && inner === rank) continue;
      throw new RangeError(
        `${cannot}: "${layer}" has weights [${shape.join(", ")}], but the LoRA is for ` +
          `[${to}, ${from}] with ranks ${rank} and ${inner}; is it of another model?`,
      );
    }
  }
}
