import { Generator } from "@denoise/core";
import type { MelFilter } from "./_mel_filters.ts";
import { type Frames, istft, type Spectrum, stft } from "./_stft.ts";

/** Steps of the least squares; the error hardly changes after these. */
const STEPS = 50;

/**
 * Gives for the outputs of filters (one number each) the powers of a spectrum's bins, none below
 * zero, whose sums under the filters come close to it, by accelerated projected gradients (Beck and
 * Teboulle, 2009, FISTA).
 *
 * @param bins How many powers there are.
 */
export function powersUnder(
  filters: readonly MelFilter[],
  bins: number,
): (mel: Float64Array) => Float64Array {
  const step = 1 / largestEigenvalue(filters, bins);
  const gradient = new Float64Array(bins);
  return (mel) => {
    const [powers, ahead] = [new Float64Array(bins), new Float64Array(bins)];
    let momentum = 1;
    for (let i = 0; i < STEPS; i++) {
      const next = (1 + Math.sqrt(1 + 4 * momentum ** 2)) / 2;
      const share = (momentum - 1) / next;
      addErrors(filters, ahead, mel, gradient.fill(0));
      for (let k = 0; k < bins; k++) {
        const power = Math.max(0, ahead[k]! - step * gradient[k]!);
        ahead[k] = power + share * (power - powers[k]!);
        powers[k] = power;
      }
      momentum = next;
    }
    return powers;
  };
}

/** Adds Aᵀ(A·powers − mel) to `result`, A being the filters. */
function addErrors(
  filters: readonly MelFilter[],
  powers: Float64Array,
  mel: Float64Array | undefined,
  result: Float64Array,
): void {
  for (let row = 0; row < filters.length; row++) {
    const { first, weights } = filters[row]!;
    let error = -(mel?.[row] ?? 0);
    for (let k = 0; k < weights.length; k++) error += weights[k]! * powers[first + k]!;
    for (let k = 0; k < weights.length; k++) result[first + k]! += weights[k]! * error;
  }
}

/** Of the filters' matrix times its transpose, by power iteration. */
function largestEigenvalue(filters: readonly MelFilter[], bins: number): number {
  let vector = new Float64Array(bins).fill(1);
  let length = 1;
  for (let i = 0; i < 50; i++) {
    const next = new Float64Array(bins);
    addErrors(filters, vector, undefined, next);
    length = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0)) || 1;
    vector = next.map((value) => value / length);
  }
  return length * 1.01; // power iteration comes from below
}

/** How far the phases go beyond what they were found to be. */
const MOMENTUM = 0.99;

/** Nothing is divided by less. */
const TINY = 1e-300;

/**
 * An audio clip whose spectrum has these magnitudes (Griffin and Lim, 1984; with the momentum of Perraudin
 * et al., 2013). Its first phases are random, and the same each time.
 *
 * @param magnitudes [frames, size / 2 + 1].
 */
export function griffinLim(
  magnitudes: Float64Array,
  frames: Frames,
  iterations: number,
): Float64Array {
  const phases = new Generator(0).rand([magnitudes.length]).toFloat32Array();
  const spectrum: Spectrum = new Float64Array(2 * magnitudes.length);
  for (const [i, magnitude] of magnitudes.entries()) {
    const phase = 2 * Math.PI * phases[i]!;
    spectrum[2 * i] = magnitude * Math.cos(phase);
    spectrum[2 * i + 1] = magnitude * Math.sin(phase);
  }
  let before: Spectrum | undefined;
  for (let n = 0; n < iterations; n++) {
    const rebuilt = stft(istft(spectrum, frames), frames);
    const share = MOMENTUM / (1 + MOMENTUM);
    for (let i = 0; i < magnitudes.length; i++) {
      const re = rebuilt[2 * i]! - share * (before?.[2 * i] ?? 0);
      const im = rebuilt[2 * i + 1]! - share * (before?.[2 * i + 1] ?? 0);
      const scale = magnitudes[i]! / (Math.sqrt(re * re + im * im) + TINY);
      spectrum[2 * i] = re * scale;
      spectrum[2 * i + 1] = im * scale;
    }
    before = rebuilt;
  }
  return istft(spectrum, frames);
}
