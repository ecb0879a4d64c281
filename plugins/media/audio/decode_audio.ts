import decodeWav from "@audio/decode-wav";
import { DenoiseAudio } from "./audio.ts";
import { isWav, readWavRecipe } from "./recipe.ts";

/** What a file of audio may be at most. */
export interface AudioLimits {
  /** Its size in bytes. Defaults to 512 MiB. */
  readonly maxBytes?: number | undefined;
}

const MAX_BYTES = 2 ** 29;
const MAX_CHANNELS = 32;

/** Ways of writing samples, by their numbers in the header, with what a sample takes in bits. */
const FORMATS: Readonly<Record<number, readonly number[]>> = {
  1: [8, 16, 24, 32], // integers
  3: [32, 64], // floats
  6: [8], // A-law
  7: [8], // µ-law
};
const EXTENSIBLE = 0xFFFE;

/**
 * Refuses a file above the limit, before it is read as a whole.
 *
 * @throws {RangeError} when it is larger.
 */
export function checkAudioBytes(bytes: number, { maxBytes = MAX_BYTES }: AudioLimits): void {
  if (bytes <= maxBytes) return;
  throw new RangeError(`Cannot read audio of ${bytes} bytes: ${maxBytes} are allowed`);
}

/**
 * A WAV file as audio: integers of 8 to 32 bits, floats, A-law or µ-law, of up to 32 channels. A file that was cut off
 * gives the samples that are there.
 *
 * @throws {SyntaxError} for another format, or a file that is broken.
 * @throws {RangeError} for a file above the limit.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { decodeAudio, DenoiseAudio } from "@denoise/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const click = new DenoiseAudio(8000, 2, Float32Array.of(0, 1, -1, 0));
 * const { sampleRate, channels, data } = decodeAudio(await click.encode());
 * assertEquals([sampleRate, channels, Math.sign(data[1]!)], [8000, 2, 1]);
 * ```
 */
export function decodeAudio(file: Uint8Array, limits: AudioLimits = {}): DenoiseAudio {
  checkAudioBytes(file.length, limits);
  checkHeader(file);
  const { channelData, sampleRate } = decodeWav(file);
  const [first] = channelData;
  if (first === undefined) throw broken("there are no samples in it");
  const data = new Float32Array(first.length * channelData.length);
  for (const [i, samples] of channelData.entries()) data.set(samples, i * first.length);
  return new DenoiseAudio(sampleRate, channelData.length, data, { recipe: readWavRecipe(file) });
}

/** What decoders take of a header as it is: how many channels there are, and what a sample takes. */
function checkHeader(file: Uint8Array): void {
  if (!isWav(file)) throw broken("it is no WAV file, which is what is read here");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const at = formatChunk(file, view);
  if (at === undefined) throw broken("its header says nothing of its samples");
  const tag = view.getUint16(at, true);
  const format = tag === EXTENSIBLE && at + 26 <= file.length ? view.getUint16(at + 24, true) : tag;
  const [channels, rate] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true)];
  const [block, bits] = [view.getUint16(at + 12, true), view.getUint16(at + 14, true)];
  if (!FORMATS[format]?.includes(bits)) {
    throw broken(
      `its samples are of format ${format} with ${bits} bits; read are integers, floats, A-law and µ-law`,
    );
  }
  if (channels < 1 || channels > MAX_CHANNELS || rate < 1 || block !== channels * bits / 8) {
    throw broken(
      `its header has ${channels} channels of ${bits} bits in blocks of ${block} bytes, ${rate} a second`,
    );
  }
}

/** Where the chunk lies that says what samples are: of several the decoder follows the last before the samples. */
function formatChunk(file: Uint8Array, view: DataView): number | undefined {
  let found: number | undefined;
  for (let at = 12; at + 24 <= file.length;) {
    const id = view.getUint32(at);
    if (id === 0x64617461) break; // "data"
    if (id === 0x666D7420) found = at + 8; // "fmt "
    at += 8 + view.getUint32(at + 4, true); // the decoder knows no padding
  }
  return found;
}

function broken(why: string): SyntaxError {
  return new SyntaxError(`Cannot read the audio: ${why}`);
}
