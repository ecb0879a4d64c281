/** Values of few bits and their scales. */
export interface Quantized {
  /** The values, as bytes. */
  readonly values: Uint8Array;
  /** What they are multiplied by. */
  readonly scales: Float32Array;
}

/** Added and taken away again, it rounds a number below 2^51 to an integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 52;

/** Rows are written side by side in groups, as each is a column of the result. */
const GROUP = 32;

/**
 * A weight [out, in, ...places] as int8 [places · in, out], each row with its greatest absolute value at
 * `most`.
 *
 * @param dims Its sizes.
 * @param most 127, or less where products of bytes are added in 16 bits.
 */
export function toInt8(weight: Float32Array, dims: readonly number[], most: number): Quantized {
  const [out, input] = dims as [number, number];
  const width = weight.length / out;
  const places = width / input;
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(out);
  const factors = new Float64Array(out);
  for (let row = 0; row < out; row++) {
    scales[row] = greatest(weight, row * width, width) / most;
    factors[row] = scales[row] === 0 ? 0 : 1 / scales[row]!;
  }
  for (let first = 0; first < out; first += GROUP) {
    const last = Math.min(first + GROUP, out);
    for (let i = 0; i < width; i++) {
      const [channel, place] = [Math.floor(i / places), i % places];
      const at = (place * input + channel) * out;
      for (let row = first; row < last; row++) {
        values[at + row] = weight[row * width + i]! * factors[row]! + ROUNDER - ROUNDER;
      }
    }
  }
  return { values: new Uint8Array(values.buffer), scales };
}

/**
 * A weight [out, in, ...places] in blocks along [places · in]: uint8 [out, blocks, bytes] and scales [out,
 * blocks]. The greatest absolute value of a block lies at the end of the range that has one value more:
 * for 4 bits what GGUF calls Q4_0. Zero is the middle of the range.
 */
export function toBlocks(
  weight: Float32Array,
  dims: readonly number[],
  bits: 4 | 8,
  blockSize: number,
): Quantized {
  const [out, input] = dims as [number, number];
  const width = weight.length / out;
  const places = width / input;
  const blocks = Math.ceil(width / blockSize);
  const perByte = 8 / bits;
  const values = new Uint8Array(out * blocks * blockSize / perByte);
  const scales = new Float32Array(out * blocks);
  const half = 2 ** (bits - 1);
  const numbers = new Float32Array(blockSize);
  for (let block = 0; block < scales.length; block++) {
    const row = Math.floor(block / blocks);
    const start = (block % blocks) * blockSize;
    numbers.fill(0);
    for (let i = start; i < Math.min(start + blockSize, width); i++) {
      const [place, channel] = [Math.floor(i / input), i % input];
      numbers[i - start] = weight[row * width + channel * places + place]!;
    }
    const scale = Math.fround(furthest(numbers) / -half);
    scales[block] = scale;
    const factor = scale === 0 ? 0 : 1 / scale;
    const at = block * blockSize / perByte;
    for (let i = 0; i < blockSize; i++) {
      const value = numbers[i]! * factor + ROUNDER - ROUNDER + half;
      const kept = value > 2 * half - 1 ? 2 * half - 1 : value;
      if (perByte === 1) values[at + i] = kept;
      else values[at + (i >> 1)]! |= kept << (4 * (i & 1));
    }
  }
  return { values, scales };
}

function greatest(numbers: Float32Array, start: number, length: number): number {
  let most = 0;
  for (let i = start; i < start + length; i++) most = Math.max(most, Math.abs(numbers[i]!));
  return most;
}

/** The number that is furthest from zero; NaN where one of them is that. */
function furthest(numbers: Float32Array): number {
  let most = 0;
  for (const number of numbers) {
    if (Number.isNaN(number)) return NaN;
    if (Math.abs(number) > Math.abs(most)) most = number;
  }
  return most;
}
