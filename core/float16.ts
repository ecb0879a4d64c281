/**
 * Encodes an array of numbers as float16 bits, nearest with ties to even; too large becomes infinity.
 * Numbers are rounded to float32 first, as every conversion of torch from float32 does.
 */
export function encodeFloat16(numbers: ArrayLike<number>): Uint16Array {
  const source = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
  return new Uint16Array(new Float16Array(source).buffer);
}

/** Decodes an array of float16 bits. */
export function decodeFloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(new Float16Array(halves.buffer, halves.byteOffset, halves.length));
}
