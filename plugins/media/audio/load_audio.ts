import { readSource } from "@denoise/files";
import type { DenoiseAudio } from "./audio.ts";
import { type AudioLimits, checkAudioBytes, decodeAudio } from "./decode_audio.ts";

/** How {@linkcode loadAudio} fetches. */
export interface LoadAudioOptions extends AudioLimits {
  /** Cancels the download. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Audio of a WAV file at a path or an address (`https:`, `http:`, `data:`, `file:`). It asks any address that it is
 * given; a server that gets addresses from others has to check them first.
 *
 * @throws {DenoiseError} `source_unavailable` when an address cannot be fetched, `missing_file` when there is no
 *   such file.
 * @throws {SyntaxError} for another format, or a file that is broken.
 * @throws {RangeError} for a file above the limit.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseAudio, loadAudio } from "@denoise/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const wav = await new DenoiseAudio(8000, 1, Float32Array.of(0, 1)).encode();
 * const audio = await loadAudio(`data:audio/wav;base64,${wav.toBase64()}`);
 * assertEquals([audio.sampleRate, audio.length], [8000, 2]);
 * ```
 */
export async function loadAudio(
  source: string | URL,
  options: LoadAudioOptions = {},
): Promise<DenoiseAudio> {
  const check = (length: number) => checkAudioBytes(length, options);
  return decodeAudio(await readSource(source, { check, signal: options.signal }), options);
}
