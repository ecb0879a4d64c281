/**
 * # Audio
 *
 * What audio pipelines make: samples that save themselves as WAV files (16-bit, or float32 by
 * `{ sampleFormat: "float32" }`; written by `@audio/encode-wav`) and play in notebooks.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { audioCodec } from "@denoise/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const [silence] = audioCodec.fromTensor(Tensor.zeros([1, 2, 8000]), 16_000);
 * assertEquals([silence!.channels, silence!.duration], [2, 0.5]);
 * const file = await silence!.encode("wav"); // or silence.save("silence.wav")
 * assertEquals(file.length, 44 + 2 * 8000 * 2);
 * ```
 *
 * @module
 */
export { audioCodec } from "./codec.ts";
export { type AudioLimits, decodeAudio } from "./decode_audio.ts";
export { loadAudio, type LoadAudioOptions } from "./load_audio.ts";
export { DenoiseAudio, type DenoiseAudioOptions } from "./audio.ts";
export { isWav, readWavRecipe } from "./recipe.ts";
