import FFT from "fft.js";

/** How an audio clip is cut into frames. */
export interface Frames {
  /** Samples of a frame; a power of two. */
  readonly size: number;
  /** Samples from one frame to the next. */
  readonly hop: number;
}

/** Complex numbers of frames one after the other: [frames, size / 2 + 1, 2]. */
export type Spectrum = Float64Array;

/** Hann's window for frames that overlap. */
function hann(size: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / size),
  );
}

/** How many frames an audio clip has, the first one centred on its first sample. */
export function frameCount(length: number, { hop }: Frames): number {
  return 1 + Math.floor(length / hop);
}

/** The short-time Fourier transform of an audio clip with zeros around it. */
export function stft(samples: ArrayLike<number>, frames: Frames): Spectrum {
  const { size, hop } = frames;
  const [fft, window, bins] = [new FFT(size), hann(size), size / 2 + 1];
  const count = frameCount(samples.length, frames);
  const spectrum = new Float64Array(count * bins * 2);
  const [frame, out] = [new Float64Array(size), fft.createComplexArray() as number[]];
  for (let n = 0; n < count; n++) {
    const start = n * hop - size / 2;
    frame.fill(0);
    const [from, to] = [Math.max(0, -start), Math.min(size, samples.length - start)];
    for (let i = from; i < to; i++) frame[i] = samples[start + i]! * window[i]!;
    fft.realTransform(out, frame as unknown as number[]);
    for (let i = 0; i < 2 * bins; i++) spectrum[n * bins * 2 + i] = out[i]!;
  }
  return spectrum;
}

/** The audio whose frames come closest to a spectrum: hop·(frames − 1) samples. */
export function istft(spectrum: Spectrum, frames: Frames): Float64Array {
  const { size, hop } = frames;
  const [fft, window, bins] = [new FFT(size), hann(size), size / 2 + 1];
  const count = spectrum.length / (2 * bins);
  const sum = new Float64Array(size + hop * (count - 1));
  const weight = new Float64Array(sum.length);
  const [full, out] = [fft.createComplexArray(), fft.createComplexArray()] as [number[], number[]];
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < 2 * bins; i++) full[i] = spectrum[n * bins * 2 + i]!;
    full[1] = full[size + 1] = 0; // those of a real audio
    fft.completeSpectrum(full);
    fft.inverseTransform(out, full);
    for (let i = 0; i < size; i++) {
      sum[n * hop + i]! += out[2 * i]! * window[i]!;
      weight[n * hop + i]! += window[i]! ** 2;
    }
  }
  const length = hop * (count - 1);
  return Float64Array.from({ length }, (_, i) => {
    const at = i + size / 2;
    return weight[at]! > 1e-300 ? sum[at]! / weight[at]! : sum[at]!;
  });
}
