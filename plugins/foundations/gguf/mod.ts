/**
 * GGUF files, as stable-diffusion.cpp and ComfyUI-GGUF write them: their header, their tensors at their
 * places, and what their quantized types hold. Tensors of numbers are mapped where they lie; quantized
 * ones are repacked once, in the cache, as products in blocks want them.
 *
 * @example
 * ```ts
 * import { decodeGguf } from "@denoise/gguf";
 * import { assertEquals } from "@std/assert";
 *
 * // a block of Q8_0: a float16 scale of 0.5, and 32 bytes
 * const block = new Uint8Array(34).fill(4);
 * block.set([0x00, 0x38]);
 * assertEquals(decodeGguf("Q8_0", block)[0], 2);
 * ```
 *
 * @module
 */
export { GGUFQuantizationConfig, type GGUFQuantizationOptions } from "./config.ts";
export { type GgufFile, type GgufTensor, openGguf } from "./open.ts";
export { decodeGguf, type GgufType } from "./types.ts";
export { ggufTensors } from "./tensors.ts";
