import { roundHalfEven } from "./float32.ts";
import { type Block, expandTo, joinAlong, reorder, sliceAlong } from "./_copy.ts";
import { type BinaryOperation, combine, type Operand } from "./_arithmetic.ts";
import { axisOf, broadcastDims, checkDims, showDims, sizeOf } from "./_layout.ts";
import {
  argmax,
  groupAlong,
  max,
  mean,
  min,
  type ReduceOptions,
  type Reducer,
  std,
  sum,
} from "./_reduce.ts";
import {
  allocate,
  type DType,
  dtypeOfArray,
  isDType,
  isFloating,
  isStorageOf,
  type Numbers,
  numbersOf,
  promote,
  promoteNumber,
  roundTo,
  scratch,
  store,
  type TypedArray,
} from "./dtype.ts";

export type { ReduceOptions } from "./_reduce.ts";

/** Numbers in arrays of arrays, all of one length at each depth. */
export type Nested = number | bigint | boolean | readonly Nested[];

/** Elements that lie elsewhere, such as on a card, and are read when they are first asked for. */
export interface DeferredData {
  /** The elements, as the tensor's dtype is stored. */
  read(): TypedArray;
  /** Gives the memory there back; a second time does nothing. */
  release(): void;
}

function isDeferred(data: TypedArray | DeferredData): data is DeferredData {
  return !ArrayBuffer.isView(data) && typeof data === "object" && data !== null && "read" in data;
}

/**
 * A dense row-major array with a shape. Nothing changes a tensor: every method returns another
 * one. `reshape`, `squeeze` and `unsqueeze` share the elements, everything else copies them.
 *
 * Binary operations broadcast as numpy does. Each element is computed in float64 and rounded once
 * to the type of the result; a number is first rounded to that type, as in torch.
 *
 * @category Tensors
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const x = Tensor.from([[1, 2], [3, 4]]);
 * assertEquals(x.mul(2).add(Tensor.from([10, 20])).toNested(), [[12, 24], [16, 28]]);
 * assertEquals(String(x), "Tensor(float32, [2, 2])");
 * ```
 */
export class Tensor {
  /** The type of the elements. */
  readonly dtype: DType;
  /** The elements in row-major order, as the dtype is stored; float16 as raw bits. */
  readonly data!: TypedArray;
  /** The shape; `[]` for a single number. */
  readonly dims: readonly number[];
  /** The number of elements. */
  readonly size: number;
  #deferred: DeferredData | undefined;

  /**
   * A tensor on top of an array, which is not copied, or of elements that are read later.
   *
   * @throws {TypeError} when the array is not what the dtype is stored in or has another size.
   */
  constructor(dtype: DType, data: TypedArray | DeferredData, dims: readonly number[]) {
    if (!isDType(dtype)) throw new TypeError(`There is no dtype ${JSON.stringify(dtype)}`);
    checkDims(dims);
    this.dtype = dtype;
    this.dims = Object.freeze([...dims]);
    this.size = sizeOf(dims);
    if (isDeferred(data)) {
      this.#deferred = data;
      const get = () => this.#read(data);
      Object.defineProperty(this, "data", { get, enumerable: true, configurable: true });
    } else {
      this.data = data;
      this.#check(data);
    }
  }

  #read(deferred: DeferredData): TypedArray {
    if (this.#deferred === undefined) {
      throw new TypeError(`Cannot read ${this}: it was given back before its elements were read`);
    }
    const data = deferred.read();
    this.#check(data);
    Object.defineProperty(this, "data", { value: data, enumerable: true });
    this[Symbol.dispose]();
    return data;
  }

  #check(data: TypedArray): void {
    const { dtype, dims } = this;
    if (!isStorageOf(dtype, data)) {
      throw new TypeError(
        `A ${dtype} tensor is stored in ${allocate(dtype, 0).constructor.name}, ` +
          `but the data is ${(data as object)?.constructor?.name ?? String(data)}`,
      );
    }
    if (sizeOf(dims) !== data.length) {
      throw new TypeError(
        `Shape ${showDims(dims)} holds ${sizeOf(dims)} elements, but the data has ${data.length}`,
      );
    }
  }

  /**
   * Gives back what the tensor holds outside of JavaScript: memory of a card, where its elements lie
   * there. Those that were read stay; those that were not can then not be read any more.
   */
  [Symbol.dispose](): void {
    this.#deferred?.release();
    this.#deferred = undefined;
  }

  /** The shape under torch's name, the same as `dims`. */
  get shape(): readonly number[] {
    return this.dims;
  }

  /** A tensor of zeros. */
  static zeros(dims: readonly number[], dtype: DType = "float32"): Tensor {
    checkDims(dims);
    return new Tensor(dtype, allocate(dtype, sizeOf(dims)), dims);
  }

  /** A tensor of ones. */
  static ones(dims: readonly number[], dtype: DType = "float32"): Tensor {
    return Tensor.full(dims, 1, dtype);
  }

  /** A tensor with one value everywhere. */
  static full(dims: readonly number[], value: number, dtype: DType = "float32"): Tensor {
    checkDims(dims);
    return new Tensor(dtype, store(dtype, new Float64Array(sizeOf(dims)).fill(value)), dims);
  }

  /**
   * A tensor from nested arrays or a typed array.
   *
   * @param values Nested arrays give float32 (int64 for bigint, bool for booleans); a typed array
   *   gives its own type, is not copied when it stays that type, and Uint16Array is float16 bits.
   * @param dims The shape; that of the nesting when absent.
   * @param dtype The type to convert to.
   * @throws {TypeError} for ragged nesting or a shape of another size.
   */
  static from(values: Nested | TypedArray, dims?: readonly number[], dtype?: DType): Tensor {
    if (ArrayBuffer.isView(values)) {
      const data = values as TypedArray;
      const own = isStorageOf("float16", data) ? "float16" : dtypeOfArray(data);
      if (own === undefined) {
        throw new TypeError(`A tensor cannot be made from ${(values as object).constructor.name}`);
      }
      const kept = dtype !== undefined && isStorageOf(dtype, data) && dtype !== "bool";
      const tensor = new Tensor(kept ? dtype : own, data, dims ?? [data.length]);
      return dtype === undefined ? tensor : tensor.astype(dtype);
    }
    const shape = shapeOf(values);
    const flat = (Array.isArray(values) ? values.flat(Infinity) : [values]) as unknown[];
    if (flat.length !== sizeOf(shape)) {
      throw new TypeError(
        `Nested arrays must have one length at each depth: ${showDims(shape)} would hold ` +
          `${sizeOf(shape)} elements, but there are ${flat.length}`,
      );
    }
    const type = dtype ?? dtypeOfItem(flat[0]);
    const data = type === "int64"
      ? BigInt64Array.from(flat as bigint[], (x) => BigInt(x))
      : store(type, Float64Array.from(flat as number[], Number));
    return new Tensor(type, data, dims ?? shape);
  }

  /** The integers from `start` up to `end` (left out) in steps, int64 by default. */
  static arange(start: number, end: number, step = 1, dtype: DType = "int64"): Tensor {
    const size = Math.max(0, Math.ceil((end - start) / step));
    const values = Float64Array.from({ length: size }, (_, i) => start + i * step);
    return new Tensor(dtype, store(dtype, values), [size]);
  }

  /**
   * Tensors joined along an axis.
   *
   * @throws {TypeError} when there are none, or their other axes or types differ.
   */
  static cat(tensors: readonly Tensor[], axis = 0): Tensor {
    const first = tensors[0];
    if (first === undefined) throw new TypeError("Cannot join no tensors");
    const along = axisOf(axis, first.dims);
    for (const tensor of tensors) {
      const fits = tensor.dims.length === first.dims.length && tensor.dtype === first.dtype &&
        tensor.dims.every((dim, a) => a === along || dim === first.dims[a]);
      if (!fits) throw new TypeError(`Cannot join ${first} and ${tensor} along axis ${axis}`);
    }
    const total = tensors.reduce((n, tensor) => n + tensor.dims[along]!, 0);
    return wrap(joinAlong(tensors, along, first.dims.with(along, total)));
  }

  /** Tensors of one shape joined along a new axis. */
  static stack(tensors: readonly Tensor[], axis = 0): Tensor {
    return Tensor.cat(tensors.map((tensor) => tensor.unsqueeze(axis)), axis);
  }

  /** The element at a place; negative indices count from the back. */
  at(...indices: readonly number[]): number {
    if (indices.length !== this.dims.length) {
      throw new TypeError(`${this} takes ${this.dims.length} indices, but got ${indices.length}`);
    }
    const offset = indices.reduce((place, index, axis) => {
      const dim = this.dims[axis]!;
      const found = index < 0 ? index + dim : index;
      if (!Number.isInteger(found) || found < 0 || found >= dim) {
        throw new RangeError(`Index ${index} is outside axis ${axis} of ${this}`);
      }
      return place * dim + found;
    }, 0);
    return numbersOf(this.data.subarray(offset, offset + 1) as TypedArray)[0]!;
  }

  /** The only element of a tensor of size 1. */
  item(): number {
    if (this.size !== 1) throw new TypeError(`item() needs one element, but this is ${this}`);
    return numbersOf(this.data)[0]!;
  }

  /** The elements as nested arrays of numbers. */
  toNested(): Nested {
    const values = numbersOf(this.data);
    const build = (axis: number, start: number, size: number): Nested => {
      if (axis === this.dims.length) return values[start]!;
      const step = size / (this.dims[axis]! || 1);
      const part = (_: unknown, i: number) => build(axis + 1, start + i * step, step);
      return Array.from({ length: this.dims[axis]! }, part);
    };
    return build(0, 0, this.size);
  }

  /** The elements as float32: the tensor's own storage where it is that, converted otherwise. */
  toFloat32Array(): Float32Array {
    return this.astype("float32").data as Float32Array;
  }

  /** The same shape with elements of another type; the tensor itself where it has it already. */
  astype(dtype: DType): Tensor {
    if (dtype === this.dtype) return this;
    return new Tensor(dtype, store(dtype, numbersOf(this.data)), this.dims);
  }

  /** A copy with storage of its own. */
  clone(): Tensor {
    return new Tensor(this.dtype, this.data.slice() as TypedArray, this.dims);
  }

  /** Whether type, shape and every element are the same (NaN equals NaN, 0 equals -0). */
  equals(other: Tensor): boolean {
    if (this.dtype !== other.dtype || showDims(this.dims) !== showDims(other.dims)) return false;
    const [a, b] = [numbersOf(this.data), numbersOf(other.data)];
    for (let i = 0; i < a.length; i++) {
      if (a[i] !== b[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) return false;
    }
    return true;
  }

  /**
   * The same elements in another shape, in which one dimension may be -1 to follow from the rest.
   *
   * @throws {TypeError} when the sizes differ.
   */
  reshape(dims: readonly number[]): Tensor {
    const open = dims.indexOf(-1);
    const known = sizeOf(dims.filter((_, axis) => axis !== open));
    const shape = open < 0 ? dims : dims.with(open, known === 0 ? 0 : this.size / known);
    if (sizeOf(shape) !== this.size || !shape.every((dim) => Number.isInteger(dim) && dim >= 0)) {
      throw new TypeError(`Cannot reshape ${this} of ${this.size} elements to ${showDims(dims)}`);
    }
    return new Tensor(this.dtype, this.data, shape);
  }

  /** With a new axis of one element. */
  unsqueeze(axis: number): Tensor {
    const place = axisOf(axis, [...this.dims, 1]);
    return this.reshape(this.dims.toSpliced(place, 0, 1));
  }

  /** Without an axis of one element, or without all of them. */
  squeeze(axis?: number): Tensor {
    if (axis === undefined) return this.reshape(this.dims.filter((dim) => dim !== 1));
    const place = axisOf(axis, this.dims);
    if (this.dims[place] !== 1) throw new TypeError(`Cannot squeeze axis ${axis} of ${this}`);
    return this.reshape(this.dims.toSpliced(place, 1));
  }

  /** The axes in another order. */
  permute(axes: readonly number[]): Tensor {
    const order = axes.map((axis) => axisOf(axis, this.dims));
    if (order.length !== this.dims.length || new Set(order).size !== order.length) {
      throw new TypeError(`Cannot permute ${this} by ${showDims(axes)}: name each axis once`);
    }
    const data = reorder(this.data, this.dims, order);
    return new Tensor(this.dtype, data, order.map((axis) => this.dims[axis]!));
  }

  /**
   * The part of an axis from `start` up to `end` (left out). Negative places count from the back,
   * and places outside are clipped.
   */
  slice(axis: number, start: number, end?: number): Tensor {
    const along = axisOf(axis, this.dims);
    const dim = this.dims[along]!;
    const clip = (place: number): number =>
      Math.min(dim, Math.max(0, place < 0 ? place + dim : place));
    return wrap(sliceAlong(this, along, clip(start), clip(end ?? dim)));
  }

  /** One place along an axis, without that axis. */
  select(axis: number, index: number): Tensor {
    const along = axisOf(axis, this.dims);
    const dim = this.dims[along]!;
    const place = index < 0 ? index + dim : index;
    if (!Number.isInteger(place) || place < 0 || place >= dim) {
      throw new RangeError(`Index ${index} is outside axis ${axis} of ${this}`);
    }
    return this.slice(along, place, place + 1).squeeze(along);
  }

  /** The axis cut into `count` parts of equal length (the last may be shorter, as in torch). */
  chunk(count: number, axis = 0): Tensor[] {
    const along = axisOf(axis, this.dims);
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`Cannot cut ${this} into ${count} parts: give an integer from 1`);
    }
    const length = Math.max(1, Math.ceil(this.dims[along]! / count));
    const parts = Math.max(1, Math.ceil(this.dims[along]! / length));
    const part = (_: unknown, i: number) => this.slice(along, i * length, (i + 1) * length);
    return Array.from({ length: parts }, part);
  }

  /** The whole repeated along each axis; more counts than axes add axes in front. */
  repeat(times: readonly number[]): Tensor {
    if (times.length < this.dims.length) {
      throw new TypeError(
        `Cannot repeat ${this} by ${showDims(times)}: give a count for each axis`,
      );
    }
    const missing = times.length - this.dims.length;
    const padded = this.reshape([...new Array<number>(missing).fill(1), ...this.dims]);
    return times.reduce<Tensor>((tensor, count, axis) => {
      if (count === 1) return tensor;
      if (count === 0) return tensor.slice(axis, 0, 0);
      return Tensor.cat(new Array<Tensor>(count).fill(tensor), axis);
    }, padded);
  }

  /** Each element along an axis repeated `times` times in place. */
  repeatInterleave(times: number, axis: number): Tensor {
    const along = axisOf(axis, this.dims);
    const parts = Array.from({ length: this.dims[along]! }, (_, i) => this.slice(along, i, i + 1));
    return Tensor.cat(parts.flatMap((part) => new Array<Tensor>(times).fill(part)), along);
  }

  /** The tensor repeated to a shape that it broadcasts to. */
  expand(dims: readonly number[]): Tensor {
    const shape = broadcastDims(this.dims, dims, "expand");
    if (showDims(shape) !== showDims(dims)) {
      throw new TypeError(`Cannot expand ${this} to ${showDims(dims)}`);
    }
    return wrap(expandTo(this, shape));
  }

  /** Sum with a tensor or a number. */
  add(other: Tensor | number): Tensor {
    return binary("add", this, other);
  }

  /** Difference: this − other. */
  sub(other: Tensor | number): Tensor {
    return binary("sub", this, other);
  }

  /** Product, element by element. */
  mul(other: Tensor | number): Tensor {
    return binary("mul", this, other);
  }

  /** Quotient: this / other; integers divide to float32. */
  div(other: Tensor | number): Tensor {
    return binary("div", this, other);
  }

  /** The smaller of two, element by element; NaN if one is. */
  minimum(other: Tensor | number): Tensor {
    return binary("minimum", this, other);
  }

  /** The larger of two, element by element; NaN if one is. */
  maximum(other: Tensor | number): Tensor {
    return binary("maximum", this, other);
  }

  /** Each element with its sign changed. */
  neg(): Tensor {
    return binary("mul", this, -1);
  }

  /**
   * A function of each element (in float64, rounded once on storing).
   *
   * @param dtype The type of the result; float32 for integers is asked for here.
   */
  map(fn: (value: number, index: number) => number, dtype: DType = this.dtype): Tensor {
    const values = numbersOf(this.data);
    const out = scratch(dtype, values.length);
    for (let i = 0; i < values.length; i++) out[i] = fn(values[i]!, i);
    return new Tensor(dtype, store(dtype, out), this.dims);
  }

  /** Each element brought into low..high; the bounds are rounded to the dtype first. */
  clamp(low = -Infinity, high = Infinity): Tensor {
    const [min, max] = [roundTo(this.dtype, low), roundTo(this.dtype, high)];
    return this.map((x) => (x < min ? min : x > max ? max : x));
  }

  /** Absolute values. */
  abs(): Tensor {
    return this.map(Math.abs);
  }

  /** Square roots. */
  sqrt(): Tensor {
    return this.map(Math.sqrt, floatType(this.dtype));
  }

  /** e to the power of each element. */
  exp(): Tensor {
    return this.map(Math.exp, floatType(this.dtype));
  }

  /** Natural logarithms. */
  log(): Tensor {
    return this.map(Math.log, floatType(this.dtype));
  }

  /** Each element to a power. */
  pow(exponent: number): Tensor {
    return this.map((x) => x ** exponent);
  }

  /** Nearest integers, ties to even. */
  round(): Tensor {
    return this.map(roundHalfEven);
  }

  /** Sum of all elements, or along axes; integers and bool sum to int64. */
  sum(axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
    const dtype = isFloating(this.dtype) ? this.dtype : "int64";
    return reduce(this, dtype, axes, options, sum);
  }

  /** Mean of all elements, or along axes. */
  mean(axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
    return reduce(this, floatType(this.dtype), axes, options, mean);
  }

  /**
   * Standard deviation of all elements, or along axes.
   *
   * @param options.correction 1 for the unbiased one, 0 for the population's. Defaults to 1.
   */
  std(
    axes?: number | readonly number[],
    options: ReduceOptions & { readonly correction?: number } = {},
  ): Tensor {
    const { correction = 1 } = options;
    return reduce(this, floatType(this.dtype), axes, options, std(correction));
  }

  /** Smallest element of all, or along axes. */
  min(axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
    return reduce(nonEmpty(this, "min"), this.dtype, axes, options, min);
  }

  /** Largest element of all, or along axes. */
  max(axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
    return reduce(nonEmpty(this, "max"), this.dtype, axes, options, max);
  }

  /** The place of the largest element along an axis (the first of equals), int64. */
  argmax(axis: number): Tensor {
    return reduce(nonEmpty(this, "argmax"), "int64", axis, {}, argmax);
  }

  /** Type and shape: `Tensor(float32, [1, 3, 256, 256])`. */
  toString(): string {
    return `Tensor(${this.dtype}, ${showDims(this.dims)})`;
  }

  /** What Deno's console shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

function wrap({ dtype, data, dims }: Block): Tensor {
  return new Tensor(dtype, data, dims);
}

function shapeOf(values: Nested): number[] {
  if (!Array.isArray(values)) return [];
  return values.length === 0 ? [0] : [values.length, ...shapeOf(values[0] as Nested)];
}

function dtypeOfItem(item: unknown): DType {
  if (typeof item === "bigint") return "int64";
  return typeof item === "boolean" ? "bool" : "float32";
}

function floatType(dtype: DType): DType {
  return isFloating(dtype) ? dtype : "float32";
}

function nonEmpty(tensor: Tensor, doing: string): Tensor {
  if (tensor.size === 0) throw new TypeError(`${doing} needs elements, but this is ${tensor}`);
  return tensor;
}

const VERBS: { readonly [operation in BinaryOperation]: string } = {
  add: "add",
  sub: "subtract",
  mul: "multiply",
  div: "divide",
  minimum: "take the minimum of",
  maximum: "take the maximum of",
};

/** The type that a single number in a tensor does not widen, unless it is of a wider kind. */
function resultType(a: Tensor, b: Tensor): DType {
  const sameKind = isFloating(a.dtype) === isFloating(b.dtype);
  if (sameKind && a.dims.length > 0 && b.dims.length === 0) return a.dtype;
  if (sameKind && b.dims.length > 0 && a.dims.length === 0) return b.dtype;
  return promote(a.dtype, b.dtype);
}

function binary(operation: BinaryOperation, a: Tensor, other: Tensor | number): Tensor {
  if (typeof other !== "number" && !(other instanceof Tensor)) {
    const both = `${a} and ${String(other)}`;
    throw new TypeError(`Cannot ${VERBS[operation]} ${both}: give a Tensor or a number`);
  }
  const isNumber = typeof other === "number";
  const common = isNumber ? promoteNumber(a.dtype, other) : resultType(a, other);
  const dtype = operation === "div" ? floatType(common) : common;
  const right: Operand = isNumber
    ? { values: Float64Array.of(roundTo(dtype, other)), dims: [] }
    : { values: numbersOf(other.data), dims: other.dims };
  const dims = broadcastDims(a.dims, right.dims, VERBS[operation]);
  const out: Numbers = scratch(dtype, sizeOf(dims));
  combine(operation, { values: numbersOf(a.data), dims: a.dims }, right, dims, out);
  return new Tensor(dtype, store(dtype, out), dims);
}

function reduce(
  tensor: Tensor,
  dtype: DType,
  axes: number | readonly number[] | undefined,
  options: ReduceOptions,
  fn: Reducer,
): Tensor {
  const numbers = numbersOf(tensor.data);
  const { dims, values, count, length } = groupAlong(numbers, tensor.dims, axes, options);
  const out = scratch(dtype, count);
  for (let g = 0; g < count; g++) out[g] = fn(values, g * length, (g + 1) * length);
  return new Tensor(dtype, store(dtype, out), dims);
}
