import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { broadcastStrides, forEachRow, sizeOf, stridesOf } from "./_layout.ts";

/** Elements with their type and shape. */
export interface Block {
  readonly dtype: DType;
  readonly data: TypedArray;
  readonly dims: readonly number[];
}

/** Elements around an axis: how many runs there are, and how long a step along the axis is. */
function around(dims: readonly number[], axis: number): { outer: number; inner: number } {
  return { outer: sizeOf(dims.slice(0, axis)), inner: sizeOf(dims.slice(axis + 1)) };
}

/** Copies a run of elements; both arrays are of one type. */
function copyRun(to: TypedArray, at: number, from: TypedArray, start: number, end: number): void {
  (to as Float32Array).set(from.subarray(start, end) as Float32Array, at);
}

/** Blocks one after another along an axis, as one of the shape `dims`. */
export function joinAlong(blocks: readonly Block[], axis: number, dims: readonly number[]): Block {
  const { dtype } = blocks[0]!;
  const { outer, inner } = around(dims, axis);
  const data = allocate(dtype, sizeOf(dims));
  let offset = 0;
  for (const block of blocks) {
    const run = block.dims[axis]! * inner;
    for (let o = 0; o < outer; o++) {
      copyRun(data, o * dims[axis]! * inner + offset, block.data, o * run, (o + 1) * run);
    }
    offset += run;
  }
  return { dtype, data, dims };
}

/** The places from `start` up to `end` of an axis. */
export function sliceAlong(block: Block, axis: number, start: number, end: number): Block {
  const dims = block.dims.with(axis, Math.max(0, end - start));
  const { outer, inner } = around(dims, axis);
  const run = dims[axis]! * inner;
  const data = allocate(block.dtype, sizeOf(dims));
  for (let o = 0; o < outer; o++) {
    const place = (o * block.dims[axis]! + start) * inner;
    copyRun(data, o * run, block.data, place, place + run);
  }
  return { dtype: block.dtype, data, dims };
}

/** Elements of the shape `dims`, read with the given strides. */
function gather(data: TypedArray, dims: readonly number[], strides: readonly number[]): TypedArray {
  const [planes, jumps] = [dims.slice(0, -1), strides.slice(0, -1)];
  const [count, row] = [planes.at(-1) ?? 1, dims.at(-1) ?? 1];
  const [jump, step] = [jumps.at(-1) ?? 0, strides.at(-1) ?? 1];
  const out = new (data.constructor as new (size: number) => TypedArray)(sizeOf(dims));
  // The last two axes in one go: rows are often as short as the three colours of a pixel.
  forEachRow(planes, [jumps], (position, [offset]) => {
    for (let r = 0; r < count; r++) {
      const [to, from] = [(position + r) * row, offset! + r * jump];
      for (let i = 0; i < row; i++) out[to + i] = data[from + i * step]!;
    }
  });
  return out;
}

/** The elements in the order that the axes have after `order` put them. */
export function reorder<T extends TypedArray>(
  data: T,
  dims: readonly number[],
  order: readonly number[],
): T {
  const strides = stridesOf(dims);
  return gather(
    data,
    order.map((axis) => dims[axis]!),
    order.map((axis) => strides[axis]!),
  ) as T;
}

/** The elements repeated to a shape that they broadcast to. */
export function expandTo({ dtype, data, dims }: Block, to: readonly number[]): Block {
  return { dtype, data: gather(data, to, broadcastStrides(dims, to)), dims: to };
}
