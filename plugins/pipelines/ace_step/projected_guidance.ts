import { Tensor } from "@denoise/core";

/** How much of the last differences a step takes back. */
const MOMENTUM = -0.75;
/** The largest difference along a row of latents. */
const LONGEST = 2.5;

/**
 * Adaptive projected guidance (Sadat et al., 2024, arXiv:2410.02416): of the difference between the predictions with
 * and without conditions, with momentum and limited in length, only what is orthogonal to the first is added to it. Lengths
 * and products are those of each channel over time.
 *
 * @returns A function of the predictions, float32 [N, length, channels] each, and the scale, to be called step by step.
 */
export function projectedGuidance(): (wanted: Tensor, against: Tensor, scale: number) => Tensor {
  const f = Math.fround;
  let average: Float32Array | undefined;
  return (wanted, against, scale) => {
    const [rows, length, channels] = wanted.dims as [number, number, number];
    const values = wanted.toFloat32Array();
    const before = average;
    average = wanted.sub(against).toFloat32Array().map((x, i) =>
      before === undefined ? x : x + f(f(MOMENTUM) * before[i]!)
    );
    const guided = new Float32Array(values.length);
    for (let row = 0; row < rows; row++) {
      for (let channel = 0; channel < channels; channel++) {
        const places = (i: number) => (row * length + i) * channels + channel;
        guideChannel(values, average, guided, { places, length, scale: f(scale - 1) });
      }
    }
    return new Tensor("float32", guided, wanted.dims);
  };
}

/** One channel over time, of a row. */
interface Channel {
  /** Where its numbers are. */
  readonly places: (i: number) => number;
  readonly length: number;
  readonly scale: number;
}

function guideChannel(
  wanted: Float32Array,
  difference: Float32Array,
  guided: Float32Array,
  { places, length, scale }: Channel,
): void {
  const f = Math.fround;
  const sumOf = (term: (place: number) => number) => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += term(places(i));
    return sum;
  };
  const norm = f(Math.sqrt(sumOf((at) => difference[at]! ** 2)));
  const factor = Math.min(1, f(LONGEST / norm)); // of nothing that differs 1, as Infinity is more
  const limited = (at: number) => f(difference[at]! * factor);
  const own = Math.max(Math.sqrt(sumOf((at) => wanted[at]! ** 2)), 1e-12);
  const along = sumOf((at) => limited(at) * (wanted[at]! / own));
  for (let i = 0; i < length; i++) {
    const at = places(i);
    const orthogonal = f(limited(at) - along * (wanted[at]! / own));
    guided[at] = f(wanted[at]! + f(scale * orthogonal));
  }
}
