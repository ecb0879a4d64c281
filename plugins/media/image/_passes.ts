import { fixedPoint } from "./_filters.ts";
import type { Passes } from "./_two_pass.ts";

const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

function clip8(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** The passes of Pillow's Resample.c for 8 bits a sample: fixed point of 22 bits, rounded once. */
export function passes8(channels: number): Passes<Uint8Array> {
  return {
    horizontal(source, rowLength, taps) {
      const weights = fixedPoint(taps, PRECISION_BITS);
      const { starts, counts, width } = taps;
      const target = new Uint8Array(source.length / rowLength * starts.length * channels);
      let place = 0;
      for (let row = 0; row < source.length; row += rowLength) {
        for (let out = 0; out < starts.length; out++) {
          const first = row + starts[out]! * channels;
          const last = out * width + counts[out]!;
          for (let c = 0; c < channels; c++) {
            let sum = HALF;
            for (let k = out * width, at = first + c; k < last; k++, at += channels) {
              sum += source[at]! * weights[k]!;
            }
            target[place++] = clip8(sum);
          }
        }
      }
      return target;
    },
    vertical(source, rowLength, taps) {
      const weights = fixedPoint(taps, PRECISION_BITS);
      const { starts, counts, width } = taps;
      const target = new Uint8Array(rowLength * starts.length);
      const sums = new Int32Array(rowLength);
      for (let out = 0; out < starts.length; out++) {
        sums.fill(HALF);
        for (let k = 0; k < counts[out]!; k++) {
          const weight = weights[out * width + k]!;
          const row = (starts[out]! + k) * rowLength;
          for (let i = 0; i < rowLength; i++) sums[i]! += source[row + i]! * weight;
        }
        for (let i = 0; i < rowLength; i++) target[out * rowLength + i] = clip8(sums[i]!);
      }
      return target;
    },
  };
}

/** The passes for float32: weights and sums in float64, rounded once. */
export const passesFloat: Passes<Float32Array> = {
  horizontal(source, rowLength, { starts, counts, weights, width }) {
    const target = new Float32Array(source.length / rowLength * starts.length);
    let place = 0;
    for (let row = 0; row < source.length; row += rowLength) {
      for (let out = 0; out < starts.length; out++) {
        let sum = 0;
        for (let k = 0; k < counts[out]!; k++) {
          sum += source[row + starts[out]! + k]! * weights[out * width + k]!;
        }
        target[place++] = sum;
      }
    }
    return target;
  },
  vertical(source, rowLength, { starts, counts, weights, width }) {
    const target = new Float32Array(rowLength * starts.length);
    const sums = new Float64Array(rowLength);
    for (let out = 0; out < starts.length; out++) {
      sums.fill(0);
      for (let k = 0; k < counts[out]!; k++) {
        const weight = weights[out * width + k]!;
        const row = (starts[out]! + k) * rowLength;
        for (let i = 0; i < rowLength; i++) sums[i]! += source[row + i]! * weight;
      }
      target.set(sums, out * rowLength);
    }
    return target;
  },
};
