import type { AudioCodec } from "@denoise/core";
import { DenoiseAudio } from "./audio.ts";
import { decodeAudio } from "./decode_audio.ts";
import { loadAudio } from "./load_audio.ts";

/**
 * Makes audio of tensors and files.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { audioCodec } from "@denoise/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const audio = audioCodec.fromTensor(Tensor.full([3, 1, 10], 0.5), 8000, (seed) => ({ seed }));
 * assertEquals(audio.map(({ recipe }) => recipe?.seed), [0, 1, 2]);
 * ```
 */
export const audioCodec: AudioCodec = {
  fromTensor(tensor, sampleRate, recipe): DenoiseAudio[] {
    const [count, channels, length] = tensor.dims;
    if (tensor.dims.length !== 3 || !["float32", "float16", "float64"].includes(tensor.dtype)) {
      throw new TypeError(
        `Cannot make audio of ${tensor}: it must be float32 [N, channels, length]`,
      );
    }
    const values = tensor.toFloat32Array();
    const size = channels! * length!;
    return Array.from({ length: count! }, (_, n) => {
      const data = values.slice(n * size, (n + 1) * size);
      return new DenoiseAudio(sampleRate, channels!, data, { recipe: recipe?.(n) });
    });
  },
  async open(given) {
    return given instanceof Uint8Array ? decodeAudio(given) : await loadAudio(given);
  },
};
