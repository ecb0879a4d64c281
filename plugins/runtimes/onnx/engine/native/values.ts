import { Tensor } from "@denoise/core";
import { decodeBfloat16, encodeBfloat16 } from "@denoise/safetensors";
import { dataType } from "../../graph/onnx_proto.ts";
import { type Handle, type Ort, stored, storedNumber, text } from "./api.ts";
import { Owned } from "./owned.ts";

/** Type and sizes of a value, or of a session's input or output. */
export interface ValueInfo {
  readonly dtype: ElementType;
  /** A size that varies is -1. */
  readonly dims: readonly number[];
}

/** An input or output of a session. */
export interface PortInfo extends ValueInfo {
  readonly name: string;
}

/** How elements are stored, of the types that tensors can be given and taken for. */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

type ElementType = keyof typeof ARRAYS;

/** The types by their numbers in the C API, which are those of ONNX. */
const TYPES: ReadonlyMap<number, ElementType> = new Map(
  (Object.keys(ARRAYS) as ElementType[]).map((dtype) => [dataType(dtype), dtype]),
);

/** Reads an `OrtTensorTypeAndShapeInfo`. */
function describe(ort: Ort, info: Handle): ValueInfo {
  const { call } = ort;
  const type = storedNumber((place) => call.GetTensorElementType(info, place));
  const rank = storedNumber((place) => call.GetDimensionsCount(info, place));
  const dims = new BigInt64Array(rank);
  call.GetDimensions(info, dims, BigInt(rank));
  const dtype = TYPES.get(type);
  if (dtype === undefined) throw new TypeError(`element type ${type} of onnxruntime is not known`);
  return { dtype, dims: Array.from(dims, Number) };
}

/** The inputs and outputs of a session. */
export function portsOf(
  ort: Ort,
  session: Handle,
  allocator: Handle,
): { readonly inputs: PortInfo[]; readonly outputs: PortInfo[] } {
  const { call } = ort;
  const read = (
    count: (session: Handle, place: BigUint64Array<ArrayBuffer>) => void,
    name: typeof call.SessionGetInputName,
    type: typeof call.SessionGetInputTypeInfo,
  ): PortInfo[] => {
    const length = storedNumber((place) => count(session, place));
    return Array.from({ length }, (_, index) => {
      const characters = stored((place) => name(session, BigInt(index), allocator, place));
      const port = text(characters);
      call.AllocatorFree(allocator, characters);
      using owned = new Owned(ort);
      const info = owned.keep("TypeInfo", (place) => type(session, BigInt(index), place));
      const tensor = stored((place) => call.CastTypeInfoToTensorInfo(info, place));
      return { name: port, ...describe(ort, tensor) };
    });
  };
  return {
    inputs: read(
      call.SessionGetInputCount,
      call.SessionGetInputName,
      call.SessionGetInputTypeInfo,
    ),
    outputs: read(
      call.SessionGetOutputCount,
      call.SessionGetOutputName,
      call.SessionGetOutputTypeInfo,
    ),
  };
}

/** Type and sizes of a value. */
export function infoOf(ort: Ort, value: Handle): ValueInfo {
  using owned = new Owned(ort);
  const info = owned.keep(
    "TensorTypeAndShapeInfo",
    (place) => ort.call.GetTensorTypeAndShape(value, place),
  );
  return describe(ort, info);
}

/** How many bytes a value takes. */
export function byteLength({ dtype, dims }: ValueInfo): number {
  return dims.reduce((product, dim) => product * dim, ARRAYS[dtype].BYTES_PER_ELEMENT);
}

/**
 * The elements of a tensor as an input takes them. Tensors have no bfloat16: float32 is given where a
 * graph takes it, and rounded here.
 *
 * @throws {TypeError} when the tensor is of another type.
 */
export function bytesFor({ name, dtype }: PortInfo, tensor: Tensor): Uint8Array {
  const given = dtype === "bfloat16" ? "float32" : dtype;
  if (tensor.dtype !== given) {
    throw new TypeError(`"${name}" is ${tensor.dtype}; give it as ${given}`);
  }
  const elements = dtype === "bfloat16" ? encodeBfloat16(tensor.data as Float32Array) : tensor.data;
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}

/** The tensor of a value's elements, which are taken over; bfloat16 becomes float32. */
export function tensorOf({ dtype, dims }: ValueInfo, bytes: Uint8Array<ArrayBuffer>): Tensor {
  if (dtype === "bfloat16") {
    return new Tensor("float32", decodeBfloat16(new Uint16Array(bytes.buffer)), dims);
  }
  return new Tensor(dtype, new ARRAYS[dtype](bytes.buffer), dims);
}

/** Native memory as an array; it must not be used after the memory was given back. */
export function bytesAt(address: Deno.PointerObject, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, length));
}
