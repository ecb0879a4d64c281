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

/** A matrix of an adapter in the graph, with `rank` axes: a constant, or an input that can be exchanged. */
function matrix(s: Scope, name: string, { data, dims }: Tensor, rank: number): Weight {
  const view = [...dims.slice(0, rank), ...Array<number>(Math.max(0, rank - dims.length)).fill(1)];
  const full = `${s.path}/${name}`;
  if (s.exchanges) return { ...s.cast(s.graph.exchanged(full, view)), dims: view };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const stored = { dtype: "float32", dims, data: bytes } as const;
  return { ...s.cast(s.graph.weight(full, stored, view)), dims: view };
}

/** The tensors of a change by the names that they have in graphs. */
export function namedParts(name: string, change: LoraLayer): [name: string, Tensor][] {
  const { down, up, left, bias, magnitude } = change;
  const parts = { lora_A: down, lora_B: up, left, bias, magnitude };
  return Object.entries(parts).flatMap(([part, tensor]) =>
    tensor === undefined ? [] : [[`${name}.${part}`, tensor]]
  );
}

/** The matrices of a change in the graph. */
interface Matrices {
  readonly down: Weight;
  readonly up: Weight | undefined;
  readonly left: Weight | undefined;
  readonly rows: LoraLayer["rows"];
  readonly bias: Weight | undefined;
  readonly magnitude: Weight | undefined;
}

/** The matrices of a change of a layer whose weight has so many axes. */
function matricesOf(s: Scope, name: string, change: LoraLayer, rank: number): Matrices {
  const optional = (tensor: Tensor | undefined, part: string, axes: number) =>
    tensor && matrix(s, `${name}.${part}`, tensor, axes);
  return {
    down: matrix(s, `${name}.lora_A`, change.down, rank),
    up: optional(change.up, "lora_B", rank),
    left: optional(change.left, "left", 2),
    rows: change.rows,
    bias: optional(change.bias, "bias", 1),
    magnitude: optional(change.magnitude, "magnitude", 1),
  };
}

/** A value times how much of a change is applied, where the call has a say in it, too. */
function scaled(s: Scope, x: Value, factor: number): Value {
  const own = factor === 1 ? x : mul(s, x, factor);
  return s.loraScale === undefined ? own : mul(s, own, s.cast(s.loraScale));
}

/** The result of a layer with the changes of the adapters in use. */
export function withChanges(s: Scope, layer: ChangedLayer): Value {
  const { rank } = layer;
  return s.changes().reduce((result, { name, weight, layer: change }) => {
    const matrices = matricesOf(s, name, change, rank);
    const factor = weight * change.scale;
    const own = changeOf(s, layer, matrices);
    const { bias: row, magnitude } = matrices;
    const whole = row === undefined ? own : add(s, own, alongChannels(s, row, rank));
    const sum = add(s, result, scaled(s, whole, factor));
    if (magnitude === undefined) return sum;
    const base = layer.weight();
    const rows = reshape(s, base, [base.dims[0]!, -1]);
    const changed = add(s, rows, scaled(s, deltaOf(s, matrices), factor));
    const ratio = alongChannels(s, reshape(s, stretch(s, changed, magnitude), [-1]), rank);
    const bias = layer.bias && alongChannels(s, layer.bias, rank);
    return bias === undefined ? mul(s, sum, ratio) : add(s, mul(s, sub(s, sum, bias), ratio), bias);
  }, layer.result);
}

/** The weight of a module, and its bias where they change it, with the changes of the adapters in it. */
export function fusedWeight(s: Scope): { readonly weight: Value; readonly bias?: Value } {
  const { dims, ...base } = s.tensor("weight");
  const changes = s.changes().map(({ name, weight, layer }) => ({
    ...matricesOf(s, name, layer, dims.length),
    factor: weight * layer.scale,
  }));
  const rows = changes.reduce((rows, { factor, ...change }) => {
    const sum = add(s, rows, scaled(s, deltaOf(s, change), factor));
    const { magnitude } = change;
    return magnitude === undefined ? sum : mul(s, sum, stretch(s, sum, magnitude));
  }, reshape(s, base, [dims[0]!, -1]));
  const weight = reshape(s, rows, dims);
  const biased = changes.filter(({ bias }) => bias !== undefined);
  if (biased.length === 0) return { weight };
  return {
    weight,
    bias: biased.reduce<Value>(
      (sum, { bias, factor }) => add(s, sum, scaled(s, bias!, factor)),
      s.tensor("bias"),
    ),
  };
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

/** A change as what is added to the rows of a weight: [out, in · h · w]. */
function deltaOf(s: Scope, { down, up, left, rows: own }: Matrices): Value {
  const rows = (x: Weight) => reshape(s, x, [x.dims[0]!, -1]);
  const inner = up === undefined ? rows(down) : matMul(s, rows(up), rows(down));
  const whole = left === undefined ? inner : kronecker(s, left, inner, (up ?? down).dims[0]!);
  if (own === undefined) return whole;
  return concat(s, own.map(([from, to]) => slice(s, whole, 0, from, to)), 0);
}

/** By how much DoRA stretches each row of a changed weight: magnitude / ‖row‖, [out, 1]. */
function stretch(s: Scope, rows: Value, magnitude: Weight): Value {
  return div(s, reshape(s, magnitude, [-1, 1]), norm(s, rows, [1]));
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
