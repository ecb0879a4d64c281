import { Tensor } from "@denoise/core";

/** The two types of eight bits that checkpoints use, in torch's words. */
export type Float8 = "float8_e4m3fn" | "float8_e5m2";

/**
 * Decodes an array of float8 numbers (Micikevicius et al., 2022, arXiv:2209.05433): e4m3fn has four
 * bits of exponent, no infinity, and NaN where all bits are set; e5m2 is the upper half of a float16.
 */
export function decodeFloat8(bytes: Uint8Array, dtype: Float8): Float32Array {
  const values = dtype === "float8_e5m2"
    ? new Tensor("float16", Uint16Array.from({ length: 256 }, (_, byte) => byte << 8), [256])
      .toFloat32Array()
    : Float32Array.from({ length: 256 }, (_, byte) => e4m3fn(byte));
  return Float32Array.from(bytes, (byte) => values[byte]!);
}

function e4m3fn(byte: number): number {
  const sign = byte & 0x80 ? -1 : 1;
  const [exponent, mantissa] = [(byte >> 3) & 0xf, byte & 7];
  if (exponent === 0xf && mantissa === 7) return NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10));
}
