import { decodeFloat16, encodeFloat16 } from "./float16.ts";

/** The type of a tensor's elements. */
export type DType = "float32" | "float64" | "float16" | "int64" | "int32" | "uint8" | "bool";

/**
 * How elements are stored: float32 as Float32Array, float64 as Float64Array, float16 as
 * Uint16Array (raw bits), int64 as BigInt64Array, int32 as Int32Array, uint8 and bool as
 * Uint8Array.
 */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Uint8Array;

/** Arrays whose elements are the numbers themselves. */
export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Whether the name is a dtype. */
export function isDType(name: unknown): name is DType {
  return typeof name === "string" && Object.hasOwn(ARRAYS, name);
}

/** Whether elements of the type are floating-point numbers. */
export function isFloating(dtype: DType): boolean {
  return dtype.startsWith("float");
}

/** Storage of `size` zeros. */
export function allocate(dtype: DType, size: number): TypedArray {
  return new ARRAYS[dtype](size);
}

/** Whether the array is what the dtype is stored in. */
export function isStorageOf(dtype: DType, data: unknown): data is TypedArray {
  return data instanceof ARRAYS[dtype];
}

/** The dtype of an array; undefined for one that is no storage, or that is ambiguous. */
export function dtypeOfArray(data: unknown): DType | undefined {
  const certain = ["float32", "float64", "int64", "int32", "uint8"] as const;
  return certain.find((dtype) => data instanceof ARRAYS[dtype]);
}

/**
 * The elements as numbers: the storage itself where it holds numbers, a decoded copy for float16
 * and int64 (exact up to 2^53).
 */
export function numbersOf(data: TypedArray): Numbers {
  if (data instanceof Uint16Array) return decodeFloat16(data);
  if (data instanceof BigInt64Array) return Float64Array.from(data, Number);
  return data;
}

/** Numbers as storage of a dtype, converted as torch does: truncated to integers, 0 or 1 for bool. */
export function store(dtype: DType, numbers: Numbers): TypedArray {
  switch (dtype) {
    case "float16":
      return encodeFloat16(numbers);
    case "int64":
      return BigInt64Array.from(numbers as Float64Array, (x) => BigInt(Math.trunc(x)));
    case "bool":
      return Uint8Array.from(numbers as Float64Array, (x) => (x === 0 ? 0 : 1));
    default:
      return numbers instanceof ARRAYS[dtype] ? numbers : new ARRAYS[dtype](numbers);
  }
}

/** Numbers that an operation writes its results to before {@linkcode store} makes them storage. */
export function scratch(dtype: DType, size: number): Numbers {
  if (dtype === "float32" || dtype === "float16") return new Float32Array(size);
  if (dtype === "int32") return new Int32Array(size);
  return dtype === "uint8" ? new Uint8Array(size) : new Float64Array(size);
}

/** A number as an element of that type would hold it. */
export function roundTo(dtype: DType, value: number): number {
  return dtype === "float32" || dtype === "float16" ? Math.fround(value) : value;
}

const RANKS: DType[] = ["bool", "uint8", "int32", "int64", "float16", "float32", "float64"];

/** The type that holds the results of two types: the wider kind, then the wider type. */
export function promote(a: DType, b: DType): DType {
  return RANKS[Math.max(RANKS.indexOf(a), RANKS.indexOf(b))]!;
}

/** The type of a tensor combined with a number: its own, or float32 for a fraction and integers. */
export function promoteNumber(dtype: DType, value: number): DType {
  if (isFloating(dtype)) return dtype;
  if (!Number.isInteger(value)) return "float32";
  return dtype === "bool" ? "int64" : dtype;
}
