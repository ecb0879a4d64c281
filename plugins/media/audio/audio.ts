import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import encodeWav from "@audio/encode-wav";
import type { Audio, AudioFileOptions, Recipe } from "@denoise/core";
import { withRecipe } from "./recipe.ts";

/** What a {@linkcode DenoiseAudio} may be made with beside its samples. */
export interface DenoiseAudioOptions {
  /** What the audio was made from. */
  readonly recipe?: Recipe | undefined;
}

/** What a WAV file's header can hold, in bytes. */
const MAX_BYTES = 2 ** 32 - 44;

const BITS = { int16: 16, float32: 32 } as const;

function checkCount(value: number, what: string, limit: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= limit) return;
  throw new RangeError(
    `Cannot make an audio clip with ${what} ${value}: it must be an integer from 1 to ${limit}`,
  );
}

function checkName(path: string | URL): void {
  const name = path instanceof URL ? path.pathname : path;
  if (/\.wav$/i.test(name)) return;
  throw new TypeError(`Cannot save ${JSON.stringify(name)}: the name must end in .wav`);
}

/**
 * An audio clip of one or more channels with samples in -1..1. In a Deno notebook it shows a player.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseAudio } from "@denoise/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const click = new DenoiseAudio(8000, 1, Float32Array.of(0, 1, -1, 0));
 * const file = await click.encode("wav");
 * const samples = new Int16Array(file.buffer, 44);
 * assertEquals([...samples], [0, 32767, -32767, 0]);
 * ```
 */
export class DenoiseAudio implements Audio {
  /** Samples in a second. */
  readonly sampleRate: number;
  /** 1 (mono), 2 (stereo) or more. */
  readonly channels: number;
  /** Samples of a channel. */
  readonly length: number;
  /** The samples in -1..1, one channel after the other: [channels, length]. */
  readonly data: Float32Array;
  /** What it was made from. */
  readonly recipe: Recipe | undefined;

  /**
   * Makes an audio clip of samples, which are not copied.
   *
   * @throws {RangeError} if rate or channels are no positive integers, or the samples cannot be
   * shared out among the channels.
   */
  constructor(
    sampleRate: number,
    channels: number,
    data: Float32Array,
    options: DenoiseAudioOptions = {},
  ) {
    checkCount(sampleRate, "a sample rate of", 2 ** 31);
    checkCount(channels, "channels", 65_535);
    if (data.length % channels !== 0) {
      throw new RangeError(
        `Cannot make an audio clip of ${data.length} samples with ${channels} channels: each channel ` +
          `must have as many`,
      );
    }
    this.sampleRate = sampleRate;
    this.channels = channels;
    this.length = data.length / channels;
    this.data = data;
    this.recipe = options.recipe;
  }

  /** Length in seconds. */
  get duration(): number {
    return this.length / this.sampleRate;
  }

  /** The samples of a channel, counted from 0. */
  channel(index: number): Float32Array {
    return this.data.subarray(index * this.length, (index + 1) * this.length);
  }

  /**
   * The audio as a WAV file. The same audio always gives the same bytes. As integers, samples are
   * `round(32767·x)` with x limited to -1..1; as floats they are as they are. Its recipe stands behind them,
   * where `readWavRecipe` finds it.
   *
   * @throws {TypeError} for another file format.
   * @throws {RangeError} for another sample format, and above 4 GiB.
   */
  async encode(format: "wav" = "wav", options: AudioFileOptions = {}): Promise<Uint8Array> {
    const { sampleFormat = "int16" } = options;
    if (format !== "wav") {
      throw new TypeError(
        `Cannot encode an audio clip as ${JSON.stringify(format)}: it must be "wav"`,
      );
    }
    if (!Object.hasOwn(BITS, sampleFormat)) {
      throw new RangeError(
        `Cannot write samples as ${JSON.stringify(sampleFormat)}: sampleFormat must be "int16" ` +
          `or "float32"`,
      );
    }
    const bitDepth = BITS[sampleFormat];
    if (this.data.length * bitDepth / 8 > MAX_BYTES) {
      throw new RangeError(
        `Cannot write ${this.data.length} samples of ${bitDepth} bits: a WAV file holds at most ` +
          `4 GiB`,
      );
    }
    const encoder = await encodeWav({ sampleRate: this.sampleRate, bitDepth });
    encoder.encode(Array.from({ length: this.channels }, (_, index) => this.channel(index)));
    const wav = encoder.flush();
    return this.recipe === undefined ? wav : withRecipe(wav, this.recipe);
  }

  /**
   * Writes the audio as a WAV file.
   *
   * @throws {TypeError} for a name that does not end in .wav.
   */
  async save(path: string | URL, options: AudioFileOptions = {}): Promise<void> {
    checkName(path);
    await writeFile(path, await this.encode("wav", options));
  }

  /** What a Deno notebook shows: a player. */
  async [Symbol.for("Jupyter.display")](): Promise<Record<string, string>> {
    const wav = await this.encode("wav");
    return {
      "text/html": `<audio controls src="data:audio/wav;base64,${
        Buffer.from(wav).toString("base64")
      }"></audio>`,
      "text/plain": String(this),
    };
  }

  /** Its class, channels, rate and length. */
  toString(): string {
    const kind = { 1: "mono", 2: "stereo" }[this.channels] ?? `${this.channels} channels`;
    return `DenoiseAudio ${kind} ${this.sampleRate} Hz ${Number(this.duration.toFixed(3))} s`;
  }

  /** What `console.log` shows: the length, not the samples. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return String(this);
  }
}
