import type { Device } from "@denoise/core";
import type { Provider } from "./graph/mod.ts";

/** The execution provider of a device, and which of several. */
export interface DeviceParts {
  readonly provider: Provider;
  readonly index: number;
}

const PROVIDERS: readonly Provider[] = ["cpu", "cuda", "tensorrt", "webgpu", "coreml", "dml"];

/**
 * Takes a device's name apart: `"cuda:1"` is the second GPU of CUDA.
 *
 * @throws {RangeError} for a name that is no device.
 */
export function parseDevice(device: Device): DeviceParts {
  const [, provider, index = "0"] = /^([a-z]+)(?::(\d+))?$/.exec(device) ?? [];
  const known = PROVIDERS.find((name) => name === provider);
  const single = provider === "cpu" || provider === "webgpu" || provider === "coreml";
  if (known === undefined || (single && device !== provider)) {
    throw new RangeError(
      `There is no device ${JSON.stringify(device)}; devices are ${PROVIDERS.join(", ")}, ` +
        `and cuda, tensorrt and dml take a number, as in "cuda:1"`,
    );
  }
  return { provider: known, index: Number(index) };
}

/** What onnxruntime is told to compute with. */
export function executionProviders(
  device: Device,
): readonly (Provider | { readonly name: Provider; readonly deviceId: number })[] {
  const { provider, index } = parseDevice(device);
  if (provider === "cpu" || provider === "webgpu" || provider === "coreml") return [provider];
  return [{ name: provider, deviceId: index }];
}
