/**
 * `@denoise/onnx/device_memory`: how much of a card's memory is free, for programs that have several.
 *
 * @module
 */
import type { Device } from "@denoise/core";
import { parseDevice } from "./devices.ts";
import { cardMemory } from "./engine/native/cuda.ts";

/**
 * Bytes that are free on a card on which this process computes, whoever holds the others.
 *
 * @returns Undefined before a session of the native engine was made there, when it does not answer, and for devices other
 *   than cards of NVIDIA.
 *
 * @example
 * ```ts
 * import { freeDeviceMemory } from "@denoise/onnx/device_memory";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(freeDeviceMemory("cpu"), undefined);
 * ```
 */
export function freeDeviceMemory(device: Device): number | undefined {
  const { provider, index } = parseDevice(device);
  return provider === "cuda" || provider === "tensorrt" ? cardMemory(index)?.free : undefined;
}
