import { Buffer } from "node:buffer";
import { readFile, stat } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
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
 * @throws {DenoiseError} `source_unavailable` when an address cannot be fetched.
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
  const address = String(source);
  if (/^(https?|data):/.test(address)) {
    return decodeAudio(await download(address, options), options);
  }
  const path = /^file:/.test(address) ? new URL(address) : address;
  checkAudioBytes((await stat(path)).size, options);
  return decodeAudio(new Uint8Array(await readFile(path)), options);
}

async function download(address: string, options: LoadAudioOptions): Promise<Uint8Array> {
  const unavailable = (reason: string, cause?: unknown): DenoiseError =>
    new DenoiseError(
      "source_unavailable",
      `Cannot load ${JSON.stringify(address.slice(0, 100))}: ${reason}`,
      { cause },
    );
  const { signal = null } = options;
  const response = await fetch(address, { signal }).catch((cause) => {
    if (signal?.aborted) throw cause;
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw unavailable(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    checkAudioBytes(length, options);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}
