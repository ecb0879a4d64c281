/** The element type of a stored tensor, in torch's words. */
export type StoredDType =
  | "float32"
  | "float16"
  | "bfloat16"
  | "float64"
  | "float8_e4m3fn"
  | "float8_e5m2"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool";

/** Types by the format's names. */
export const DTYPES: Readonly<Record<string, StoredDType>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  F64: "float64",
  F8_E4M3: "float8_e4m3fn",
  F8_E5M2: "float8_e5m2",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
  U8: "uint8",
  U16: "uint16",
  U32: "uint32",
  U64: "uint64",
  BOOL: "bool",
};

/** The format's names by type. */
export const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(DTYPES).map(([name, dtype]) => [dtype, name]),
);

/** Bytes of an element. */
export function itemSize(dtype: StoredDType): number {
  return dtype === "bool" ? 1 : Number(/\d+/.exec(dtype)![0]) / 8;
}
