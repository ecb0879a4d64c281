/** Decodes an array of bfloat16 bits: the upper halves of float32 numbers. */
export function decodeBfloat16(halves: Uint16Array): Float32Array {
  const out = new Float32Array(halves.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < words.length; i++) words[i] = halves[i]! << 16;
  return out;
}

/** Encodes an array of numbers as bfloat16 bits, nearest with ties to even. */
export function encodeBfloat16(numbers: ArrayLike<number>): Uint16Array {
  const source = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const out = new Uint16Array(words.length);
  for (let i = 0; i < out.length; i++) {
    const x = words[i]!;
    const isNaN = (x & 0x7fffffff) > 0x7f800000;
    out[i] = isNaN ? 0x7fc0 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return out;
}
