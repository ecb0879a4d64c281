const value = new Float32Array(1);
const bits = new Uint32Array(value.buffer);

/** float32 bits to float16 bits, round to nearest, ties to even. */
function fromFloat32Bits(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more: infinity
  if (magnitude >= 0x38800000) {
    // Normal: 13 bits of the mantissa go, the exponent's bias falls by 112.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  const shift = 126 - (magnitude >>> 23); // subnormal: a multiple of 2^-24
  if (shift > 24) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** The number that float16 bits stand for; every float16 is exact in float32 and float64. */
function fromFloat16Bits(x: number): number {
  const sign = x & 0x8000 ? -1 : 1;
  const exponent = (x >>> 10) & 0x1f;
  const mantissa = x & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  bits[0] = ((x & 0x8000) << 16) | ((exponent + 112) << 23) | (mantissa << 13);
  return value[0]!;
}

/** Every float16 as float32, made when the first array is decoded (256 kB). */
let table: Float32Array | undefined;

function decodeTable(): Float32Array {
  return table ??= Float32Array.from({ length: 0x10000 }, (_, x) => fromFloat16Bits(x));
}

/**
 * Encodes an array of numbers as float16 bits, nearest with ties to even; too large becomes infinity.
 * Numbers are rounded to float32 first, as every conversion of torch from float32 does.
 */
export function encodeFloat16(numbers: ArrayLike<number>): Uint16Array {
  const source = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const out = new Uint16Array(words.length);
  for (let i = 0; i < out.length; i++) out[i] = fromFloat32Bits(words[i]!);
  return out;
}

/** Decodes an array of float16 bits. */
export function decodeFloat16(halves: Uint16Array): Float32Array {
  const values = decodeTable();
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) out[i] = values[halves[i]!]!;
  return out;
}
