import type { Tensor } from "@denoise/core";

/** The role of what turns audio into images of their frequencies, and back. */
export interface SpectrogramConverter {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** Samples in a second. */
  readonly sampleRate: number;
  /** How many columns of an image a second takes. */
  readonly columnsPerSecond: number;
  /**
   * The image of a part of an audio clip: uint8 [frequencies, columns], the lowest frequency first.
   *
   * @param samples One channel, in -1..1.
   * @param slice Which part, counted from 0, each as long as an image is wide.
   * @throws {RangeError} when the audio has no such part.
   */
  toSpectrogram(samples: Float32Array, slice?: number): Tensor;
  /** An audio clip of one channel that has about that image, uint8 [frequencies, columns]. */
  toAudio(spectrogram: Tensor): Float32Array;
  /** Writes its options into a folder that diffusers can load. */
  savePretrained(folder: string): Promise<void>;
}
