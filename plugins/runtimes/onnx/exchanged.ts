/**
 * Adapters whose matrices are inputs of sessions, so that others can take their place in them.
 *
 * @module
 */
import { type HotswapOptions, type LoraAdapter, type LoraLayer, weightAt } from "@denoise/adapters";
import { Tensor } from "@denoise/core";
import { namedParts } from "./nn/lora.ts";

/** The shapes of a model's layers by their names. */
type Shapes = ReadonlyMap<string, readonly number[]>;

/** Adapters as graphs take them from inputs, and what these inputs are. */
export interface Exchanged {
  /** With their weights in their matrices. */
  readonly adapters: readonly LoraAdapter[];
  /** The inputs by their names in graphs. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * Adapters with their weights in their matrices, which are as wide as asked for.
 *
 * @throws {RangeError} for one of a higher rank.
 */
export function exchanged(
  className: string,
  adapters: readonly LoraAdapter[],
  shapes: Shapes,
  { targetRank }: HotswapOptions,
): Exchanged {
  const tensors = new Map<string, Tensor>();
  const own = adapters.map((adapter): LoraAdapter => {
    const { name, layers } = adapter;
    const folded = [...layers].map(([layer, change]): [string, LoraLayer] => {
      const factor = change.scale * weightAt(adapter, layer);
      const wide = withRank(change, targetRank, () => {
        const rank = change.down.dims[0];
        return `Cannot exchange the LoRA ${JSON.stringify(name)} of ${className}: the change of ` +
          `"${layer}" has rank ${rank}, and enableLoraHotswap was called with targetRank ` +
          `${targetRank}; call it with ${rank}`;
      });
      return [layer, withFactor(wide, factor)];
    });
    return { ...adapter, weight: 1, layers: new Map(folded) };
  });
  for (const { name, layers } of own) {
    for (const [layer, change] of layers) {
      for (const [part, tensor] of namedParts(`${layer}/${name}`, change)) {
        tensors.set(part, viewed(part, tensor, shapes.get(layer)!.length));
      }
    }
  }
  return { adapters: own, tensors };
}

/**
 * What sessions with certain inputs get of other tensors: those, and zeros for changes that are not there.
 *
 * @returns undefined where they have no place for what there is now.
 */
export function fittedInto(
  now: Exchanged,
  known: Exchanged,
): ReadonlyMap<string, Tensor> | undefined {
  const rows = ({ adapters }: Exchanged, adapter: string, layer: string) =>
    JSON.stringify(adapters.find(({ name }) => name === adapter)?.layers.get(layer)?.rows);
  for (const { name, layers } of now.adapters) {
    for (const layer of layers.keys()) {
      if (rows(now, name, layer) !== rows(known, name, layer)) return undefined;
    }
  }
  for (const [name, { dims }] of now.tensors) {
    if (String(known.tensors.get(name)?.dims) !== String(dims)) return undefined;
  }
  const filled = new Map(now.tensors);
  for (const [name, { dims }] of known.tensors) {
    if (now.tensors.has(name)) continue;
    if (name.endsWith(".magnitude")) return undefined; // lengths count without a change, too
    filled.set(name, Tensor.zeros(dims));
  }
  return filled;
}

/** A tensor of a change with the axes that it has in graphs. */
function viewed(name: string, tensor: Tensor, rank: number): Tensor {
  if (!/\.lora_[AB]$/.test(name)) {
    return tensor.reshape(name.endsWith(".left") ? tensor.dims : [tensor.size]);
  }
  const { dims } = tensor;
  const more = Array<number>(Math.max(0, rank - dims.length)).fill(1);
  return tensor.reshape([...dims.slice(0, rank), ...more]);
}

/** A change times a factor, in one of its matrices. */
function withFactor(change: LoraLayer, factor: number): LoraLayer {
  const { down, up, bias } = change;
  return {
    ...change,
    scale: 1,
    ...(up === undefined ? { down: down.mul(factor) } : { up: up.mul(factor) }),
    bias: bias?.mul(factor),
  };
}

/** A change whose matrices have zeros up to a rank. */
function withRank(
  change: LoraLayer,
  targetRank: number | undefined,
  tooHigh: () => string,
): LoraLayer {
  const { down, up } = change;
  if (targetRank === undefined || up === undefined) return change;
  const missing = targetRank - down.dims[0]!;
  if (missing < 0) throw new RangeError(tooHigh());
  if (missing === 0) return change;
  const zeros = (dims: readonly number[], axis: number) =>
    Tensor.zeros(dims.map((size, i) => i === axis ? missing : size));
  return {
    ...change,
    down: Tensor.cat([down, zeros(down.dims, 0)]),
    up: Tensor.cat([up, zeros(up.dims, 1)], 1),
  };
}
