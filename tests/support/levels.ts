import { assert, assertEquals } from "@std/assert";
import { isWav } from "@denoise/audio";
import { decodeImage } from "@denoise/denoise";
import { deepSamplesOf } from "./deep_png.ts";

/** Of 255: the function lets onnxruntime optimize graphs, which moves the last bits of a float32. */
const MOST = 2;

/** What a file holds. */
export interface Levels {
  /** Pixels or samples in levels of 0 to 255, with fractions where they have 16 bits. */
  readonly data: readonly number[];
  /** Width, height and bits of an image; a second's samples and the bytes of audio. */
  readonly facts: readonly number[];
}

/** Reads an image or a WAV file. */
export async function levels(file: Uint8Array): Promise<Levels> {
  if (!isWav(file)) {
    const { data, width, height } = await decodeImage(file);
    const deep = deepSamplesOf(file);
    if (deep === undefined) return { data: [...data], facts: [width, height, 8] };
    return { data: Array.from(deep, (value) => value / 256), facts: [width, height, 16] };
  }
  const view = new DataView(file.buffer, file.byteOffset);
  const size = view.getUint32(40, true);
  const samples = new Int16Array(file.slice(44, 44 + size).buffer);
  return {
    data: Array.from(samples, (value) => value / 256),
    facts: [view.getUint32(24, true), size],
  };
}

/** Fails where two files are further apart than optimized graphs are. */
export function assertSame(ours: Levels, theirs: Levels): void {
  assertEquals(ours.facts, theirs.facts);
  assertEquals(ours.data.length, theirs.data.length);
  let apart = 0;
  for (const [i, value] of ours.data.entries()) {
    apart = Math.max(apart, Math.abs(value - theirs.data[i]!));
  }
  assert(apart <= MOST, `apart by ${apart}`);
}
