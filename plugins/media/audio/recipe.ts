import type { Recipe } from "@denoise/core";

const HEADER = 12; // "RIFF", size, "WAVE"

const ascii = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Whether a file begins as a WAV file does.
 *
 * @example
 * ```ts
 * import { DenoiseAudio, isWav } from "@denoise/audio";
 * import { assert } from "@std/assert";
 *
 * assert(isWav(await new DenoiseAudio(8000, 1, new Float32Array(8)).encode()));
 * ```
 */
export function isWav(file: Uint8Array): boolean {
  return file.length >= HEADER && ascii(file, 0) === "RIFF" && ascii(file, 8) === "WAVE";
}

/** A WAV file with a recipe behind its samples, as JSON in the comment of a list of facts. */
export function withRecipe(wav: Uint8Array, recipe: Recipe): Uint8Array {
  const text = JSON.stringify(recipe).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const comment = new TextEncoder().encode(`${text}\0`); // texts end in 0 there
  const size = 12 + comment.length + comment.length % 2; // chunks begin at even places
  const file = new Uint8Array(wav.length + 8 + size);
  const view = viewOf(file);
  file.set(wav);
  file.set(new TextEncoder().encode("LIST____INFOICMT"), wav.length);
  view.setUint32(wav.length + 4, size, true);
  view.setUint32(wav.length + 16, comment.length, true);
  file.set(comment, wav.length + 20);
  view.setUint32(4, file.length - 8, true);
  return file;
}

/**
 * The recipe that a WAV file of ours carries, or `undefined` when it carries none.
 *
 * @throws {SyntaxError} if it is no WAV file.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseAudio, readWavRecipe } from "@denoise/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const audio = new DenoiseAudio(8000, 1, new Float32Array(8), { recipe: { seed: 7 } });
 * assertEquals(readWavRecipe(await audio.encode()), { seed: 7 });
 * ```
 */
export function readWavRecipe(file: Uint8Array): Recipe | undefined {
  if (!isWav(file)) {
    throw new SyntaxError('Cannot read a WAV file: it does not begin with "RIFF" and "WAVE"');
  }
  for (const { id, data } of chunks(file.subarray(HEADER))) {
    if (id !== "LIST" || data.length < 4 || ascii(data, 0) !== "INFO") continue;
    for (const fact of chunks(data.subarray(4))) {
      if (fact.id === "ICMT") return parsed(new TextDecoder().decode(fact.data));
    }
  }
  return undefined;
}

/** The chunks of a part of a RIFF file; one that is cut off is left out. */
function* chunks(bytes: Uint8Array): Generator<{ readonly id: string; readonly data: Uint8Array }> {
  const view = viewOf(bytes);
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    if (at + 8 + size > bytes.length) return;
    yield { id: ascii(bytes, at), data: bytes.subarray(at + 8, at + 8 + size) };
    at += 8 + size + size % 2;
  }
}

/** A comment as a recipe; undefined for one that is of another program. */
function parsed(comment: string): Recipe | undefined {
  try {
    const value: unknown = JSON.parse(comment.replace(/\0+$/, ""));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Recipe : undefined;
  } catch {
    return undefined;
  }
}
