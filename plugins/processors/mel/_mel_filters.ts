/** A triangle over the bins of a spectrum: its first bin, and a weight for each. */
export interface MelFilter {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Slaney's scale: linear below 1000 Hz, logarithmic above. */
const LINEAR_HZ = 200 / 3;
const BREAK_HZ = 1000;
const BREAK_MEL = BREAK_HZ / LINEAR_HZ;
const LOG_STEP = Math.log(6.4) / 27;

function toMel(hz: number): number {
  return hz < BREAK_HZ ? hz / LINEAR_HZ : BREAK_MEL + Math.log(hz / BREAK_HZ) / LOG_STEP;
}

function toHz(mel: number): number {
  return mel < BREAK_MEL ? mel * LINEAR_HZ : BREAK_HZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}

/**
 * Triangles of equal area between frequencies that are equally far apart on the mel scale
 * (`librosa.filters.mel`: Slaney's scale and norm).
 *
 * @param count How many.
 * @param size Samples of a frame.
 */
export function melFilters(count: number, size: number, sampleRate: number): MelFilter[] {
  const top = toMel(sampleRate / 2);
  const edges = Array.from({ length: count + 2 }, (_, i) => toHz(top * i / (count + 1)));
  const bins = size / 2 + 1;
  return Array.from({ length: count }, (_, i) => {
    const [low, middle, high] = [edges[i]!, edges[i + 1]!, edges[i + 2]!];
    const weightAt = (bin: number): number => {
      const hz = bin * sampleRate / size;
      const height = Math.min((hz - low) / (middle - low), (high - hz) / (high - middle));
      return Math.fround(Math.max(0, height) * 2 / (high - low));
    };
    const first = Math.min(bins - 1, Math.max(0, Math.ceil(low * size / sampleRate)));
    const last = Math.min(bins - 1, Math.floor(high * size / sampleRate));
    const length = Math.max(0, last - first + 1);
    return { first, weights: Array.from({ length }, (_, k) => weightAt(first + k)) };
  });
}
