import type { LoraLayer } from "@denoise/adapters";
import type { Tensor } from "@denoise/core";
import type { Scope, Value, Weight } from "../graph/mod.ts";
import { add, div, matMul, mul, norm, sub } from "./arithmetic.ts";
import { concat, reshape, reshapeLike, shapeOf, slice } from "./shape.ts";

/** A linear layer or convolution, as changes of its weight need it. */
export interface ChangedLayer {
  /** What goes in: [..., in], or [N, in, H, W]. */
  readonly input: Value;
  /** What comes out without changes. */
  readonly result: Value;
  /** How many axes its weight has. */
  readonly rank: number;
  /** The base weight, [out, in] or [out, in, h, w]. */
  weight(): Weight;
  /** The layer's bias [out], where it has one. */
  readonly bias: Value | undefined;
  /** The layer's work on an input with another weight, without its bias. */
  apply(x: Value, weight: Weight): Value;
  /** The work of a weight over single pixels. */
  mix(x: Value, weight: Weight): Value;
}

/** A matrix of an adapter as a constant of the graph, with `rank` axes. */
function constant(s: Scope, name: string, { data, dims }: Tensor, rank: number): Weight {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const stored = { dtype: "float32", dims, data: bytes } as const;
  const view = [...dims.slice(0, rank), ...Array<number>(Math.max(0, rank - dims.length)).fill(1)];
  return { ...s.cast(s.graph.weight(`${s.path}/${name}`, stored, view)), dims: view };
}

/** The matrices of a change in the graph. */
interface Matrices {
  readonly down: Weight;
  readonly up: Weight | undefined;
  readonly left: Weight | undefined;
  readonly rows: LoraLayer["rows"];
}

/** The result of a layer with the changes of the adapters in use. */
export function withChanges(s: Scope, layer: ChangedLayer): Value {
  const { rank } = layer;
  return s.changes().reduce((result, { name, weight, layer: change }) => {
    const optional = (tensor: Tensor | undefined, part: string, axes: number) =>
      tensor && constant(s, `${name}.${part}`, tensor, axes);
    const matrices = {
      down: constant(s, `${name}.lora_A`, change.down, rank),
      up: optional(change.up, "lora_B", rank),
      left: optional(change.left, "left", 2),
      rows: change.rows,
    };
    const scale = weight * change.scale;
    const own = changeOf(s, layer, matrices);
    const row = optional(change.bias, "bias", 1);
    const whole = row === undefined ? own : add(s, own, alongChannels(s, row, rank));
    const sum = add(s, result, mul(s, whole, scale));
    if (change.magnitude === undefined) return sum;
    const ratio = stretch(s, layer, matrices, scale, name, change.magnitude);
    const bias = layer.bias && alongChannels(s, layer.bias, rank);
    return bias === undefined ? mul(s, sum, ratio) : add(s, mul(s, sub(s, sum, bias), ratio), bias);
  }, layer.result);
}

/** What a change adds to the result of a layer. */
function changeOf(s: Scope, layer: ChangedLayer, { down, up, left, rows }: Matrices): Value {
  const work = (x: Value) => {
    const inner = layer.apply(x, down);
    return up === undefined ? inner : layer.mix(inner, up);
  };
  if (left === undefined) return work(layer.input);
  // (left ⊗ M) x: M takes the parts of x one by one, left mixes what it makes of them
  const [, parts] = left.dims as [number, number];
  const size = down.dims[1]!;
  const kernel = down.dims.slice(2);
  if (kernel.length === 0) {
    const inner = work(reshape(s, layer.input, [-1, parts, size])); // [B, parts, out of M]
    return reshapeLike(s, rowsOf(s, matMul(s, left, inner), rows), layer.result);
  }
  const inner = work(reshape(s, layer.input, [-1, size, ...kernel.map(() => 0)])); // [N·parts, ...]
  const sizes = concat(s, [shapeOf(s, layer.result, 0, 1), s.ints([parts, -1])], 0);
  const apart = s.op("Reshape", [inner, sizes]); // [N, parts, out of M · H · W]
  return reshapeLike(s, matMul(s, left, apart), layer.result);
}

/** Those rows of a product [B, parts, rows of each]. */
function rowsOf(s: Scope, product: Value, rows: LoraLayer["rows"]): Value {
  if (rows === undefined) return product;
  const flat = reshape(s, product, [0, -1]);
  return concat(s, rows.map(([from, to]) => slice(s, flat, 1, from, to)), 1);
}

/** By how much DoRA stretches each channel of the result: magnitude / ‖W + scale · change‖. */
function stretch(
  s: Scope,
  { weight, rank }: ChangedLayer,
  { down, up, left, rows: own }: Matrices,
  scale: number,
  name: string,
  magnitude: Tensor,
): Value {
  const rows = (x: Weight) => reshape(s, x, [x.dims[0]!, -1]);
  const inner = up === undefined ? rows(down) : matMul(s, rows(up), rows(down));
  const whole = left === undefined ? inner : kronecker(s, left, inner, (up ?? down).dims[0]!);
  const delta = own === undefined
    ? whole
    : concat(s, own.map(([from, to]) => slice(s, whole, 0, from, to)), 0);
  const lengths = norm(s, add(s, rows(weight()), mul(s, delta, scale)), [1]); // [out, 1]
  const wanted = constant(s, `${name}.magnitude`, flat(magnitude), 1);
  return alongChannels(s, div(s, wanted, reshape(s, lengths, [-1])), rank);
}

function flat(tensor: Tensor): Tensor {
  return tensor.reshape([tensor.size]);
}

/** left ⊗ M for matrices [o, i] and [O, I]: [o·O, i·I]. */
function kronecker(s: Scope, left: Weight, inner: Value, height: number): Value {
  const [o, i] = left.dims as [number, number];
  const products = mul(s, reshape(s, left, [o, 1, i, 1]), reshape(s, inner, [1, height, 1, -1]));
  return reshape(s, products, [o * height, -1]);
}

/** A row [out] as it lies along the channels of a layer's result. */
function alongChannels(s: Scope, row: Value, rank: number): Value {
  return rank === 2 ? row : reshape(s, row, [-1, ...Array<number>(rank - 2).fill(1)]);
}
