/**
 * Mel: audio as images of their frequencies over time, and back, for AudioDiffusionPipeline. The
 * class of diffusers, on librosa.
 *
 * An image is the power of mel frequencies (rows, the lowest first) over time (columns) in decibels
 * under the loudest, 0 being `top_db` below it. It keeps no phases, and librosa finds new ones from
 * random numbers: the same image never gives the same audio twice there. Here it does, an audio clip
 * that has about that image, but not librosa's.
 *
 * @example
 * ```ts
 * import { Mel } from "@denoise/processor-mel";
 * import { assertEquals } from "@std/assert";
 *
 * const mel = Mel.create({ x_res: 16, y_res: 32, n_fft: 512, hop_length: 128 });
 * const tone = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i / 5));
 * const spectrogram = mel.toSpectrogram(tone);
 * assertEquals(spectrogram.dims, [32, 16]);
 * assertEquals(mel.toAudio(spectrogram).length, 15 * 128);
 * ```
 *
 * @module
 */
import { type ConfigSchema, defaultsOf, type FrozenConfig, Tensor } from "@denoise/core";
import { defineProcessor, type Processor, type ProcessorClass } from "@denoise/processors";
import type { SpectrogramConverter } from "@denoise/roles";
import { griffinLim, powersUnder } from "./_inverse.ts";
import { type MelFilter, melFilters } from "./_mel_filters.ts";
import { type Frames, stft } from "./_stft.ts";

/** Options of a Mel, as they stand in mel_config.json. */
export interface MelConfig {
  /** Columns of an image. */
  readonly x_res: number;
  /** Rows of an image. */
  readonly y_res: number;
  /** Samples in a second. */
  readonly sample_rate: number;
  /** Samples that a column looks at; a power of two. */
  readonly n_fft: number;
  /** Samples from one column to the next. */
  readonly hop_length: number;
  /** Decibels between black and white. */
  readonly top_db: number;
  /** Rounds in which phases are looked for. */
  readonly n_iter: number;
}

const schema: ConfigSchema<MelConfig> = {
  x_res: 256,
  y_res: 256,
  sample_rate: 22050,
  n_fft: 2048,
  hop_length: 512,
  top_db: 80,
  n_iter: 32,
};

/** A loaded Mel. */
export interface Mel extends Processor<MelConfig>, SpectrogramConverter {}

/** Audio as images; `Mel` of diffusers. */
export const Mel: ProcessorClass<MelConfig, Mel> = defineProcessor({
  className: "Mel",
  library: "diffusers",
  file: "mel_config.json",
  schema,
  methods: converter,
});

function check(config: FrozenConfig<MelConfig>): void {
  for (const [name, value] of Object.entries(defaultsOf(schema))) {
    const found = config[name as keyof MelConfig];
    const isCount = Number.isInteger(found) && found >= (name === "n_iter" ? 0 : 1);
    if (isCount || name === "top_db" && found > 0) continue;
    throw new RangeError(
      `Cannot make a Mel: ${name} is ${found}, but must be a positive integer such as ${value}`,
    );
  }
  const { n_fft, hop_length } = config;
  if (n_fft < 4 || (n_fft & (n_fft - 1)) !== 0 || hop_length > n_fft) {
    throw new RangeError(
      `Cannot make a Mel: n_fft is ${n_fft} and hop_length ${hop_length}; n_fft must be a power ` +
        `of two from 4, and hop_length no more than that`,
    );
  }
}

function converter(config: FrozenConfig<MelConfig>): Omit<Mel, keyof Processor<MelConfig>> {
  check(config);
  const frames = { size: config.n_fft, hop: config.hop_length };
  const filters = melFilters(config.y_res, config.n_fft, config.sample_rate);
  return {
    sampleRate: config.sample_rate,
    columnsPerSecond: config.sample_rate / config.hop_length,
    toSpectrogram: (samples, slice = 0) =>
      spectrogram(sliceOf(samples, slice, config), config, frames, filters),
    toAudio: (image) => audio(image, config, frames, filters),
  };
}

/** The part of an audio clip that an image shows, with silence behind an audio clip that is shorter. */
function sliceOf(
  samples: Float32Array,
  slice: number,
  { x_res, hop_length }: FrozenConfig<MelConfig>,
): Float32Array {
  const size = x_res * hop_length - 1;
  const padded = new Float32Array(Math.max(samples.length, x_res * hop_length));
  padded.set(samples);
  const count = Math.floor(padded.length / size);
  if (Number.isInteger(slice) && slice >= 0 && slice < count) {
    return padded.subarray(slice * size, (slice + 1) * size);
  }
  throw new RangeError(
    `Cannot take slice ${slice} of an audio clip of ${samples.length} samples: it has ${count} of ` +
      `${size} samples, counted from 0`,
  );
}

/** Decibels of a power; nothing is quieter than this. */
function decibels(power: number): number {
  return 10 * Math.log10(Math.max(1e-10, power));
}

function spectrogram(
  samples: Float32Array,
  { x_res, y_res, top_db }: FrozenConfig<MelConfig>,
  frames: Frames,
  filters: readonly MelFilter[],
): Tensor {
  const spectrum = stft(samples, frames);
  const bins = frames.size / 2 + 1;
  const levels = new Float64Array(y_res * x_res);
  for (const [row, { first, weights }] of filters.entries()) {
    for (let column = 0; column < x_res; column++) {
      const start = 2 * (column * bins + first);
      levels[row * x_res + column] = decibels(weights.reduce((sum, weight, k) => {
        const [re, im] = [spectrum[start + 2 * k]!, spectrum[start + 2 * k + 1]!];
        return sum + weight * (re * re + im * im);
      }, 0));
    }
  }
  const loudest = levels.reduce((a, b) => Math.max(a, b));
  const bytes = Uint8Array.from(levels, (level) => {
    const share = (level - loudest + top_db) * 255 / top_db;
    return Math.floor(Math.min(255, Math.max(0, share)) + 0.5);
  });
  return new Tensor("uint8", bytes, [y_res, x_res]);
}

function audio(
  image: Tensor,
  { y_res, top_db, n_iter }: FrozenConfig<MelConfig>,
  frames: Frames,
  filters: readonly MelFilter[],
): Float32Array {
  const [rows, columns] = image.dims;
  if (image.dtype !== "uint8" || image.dims.length !== 2 || rows !== y_res || columns! < 1) {
    throw new TypeError(
      `Cannot make an audio clip of ${image}: it must be a spectrogram, uint8 [${y_res}, columns]`,
    );
  }
  const bytes = image.data as Uint8Array;
  const bins = frames.size / 2 + 1;
  const magnitudes = new Float64Array(columns! * bins);
  const solve = powersUnder(filters, bins);
  for (let column = 0; column < columns!; column++) {
    const mel = Float64Array.from({ length: rows }, (_, row) => {
      const level = bytes[row * columns! + column]! * top_db / 255 - top_db;
      return 10 ** (level / 10);
    });
    magnitudes.set(solve(mel).map(Math.sqrt), column * bins);
  }
  return Float32Array.from(griffinLim(magnitudes, frames, n_iter));
}
