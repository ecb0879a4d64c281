import type { Device } from "@denoise/core";
import type { Provider } from "./graph/mod.ts";

/** A device's name taken apart. */
export interface DeviceParts {
  /** The execution provider of onnxruntime that computes on it. */
  readonly provider: Provider;
  /** Which of several. */
  readonly index: number;
}

/** Every kind of device. */
export const providers: readonly Provider[] = [
  "cpu",
  "cuda",
  "tensorrt",
  "webgpu",
  "coreml",
  "dml",
];

/** Kinds of which a machine may have several. */
const NUMBERED: readonly Provider[] = ["cuda", "tensorrt", "dml"];

/**
 * Takes a device's name apart: `"cuda:1"` is the second GPU of CUDA.
 *
 * @throws {RangeError} for a name that is no device.
 */
export function parseDevice(device: Device): DeviceParts {
  const [, name, index] = /^([a-z]+)(?::(\d+))?$/.exec(device) ?? [];
  const provider = providers.find((known) => known === name);
  if (provider === undefined || (index !== undefined && !NUMBERED.includes(provider))) {
    throw new RangeError(
      `There is no device ${JSON.stringify(device)}; devices are ${providers.join(", ")}, ` +
        `and ${NUMBERED.join(", ")} take a number, as in "cuda:1"`,
    );
  }
  return { provider, index: Number(index ?? 0) };
}

/** What onnxruntime computes with. */
export function executionProviders(
  device: Device,
): readonly (Provider | { readonly name: Provider; readonly deviceId: number })[] {
  const { provider, index } = parseDevice(device);
  if (!NUMBERED.includes(provider)) return [provider];
  const chosen = { name: provider, deviceId: index };
  // what TensorRT cannot do stays on the same card
  return provider === "tensorrt" ? [chosen, { name: "cuda", deviceId: index }] : [chosen];
}
