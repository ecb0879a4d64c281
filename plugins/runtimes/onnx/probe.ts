/**
 * What this machine can compute with, and what is missing for the rest.
 *
 * @module
 */
import { DenoiseError, type Device, Tensor } from "@denoise/core";
import { parseDevice, providers } from "./devices.ts";
import type { Engine } from "./engine/engine.ts";
import { inlineEngine } from "./engine/inline.ts";
import { Graph, type Provider } from "./graph/mod.ts";
import { findLibrary, providerFolder } from "./libraries.ts";

/** Whether models can compute on a device. */
export interface DeviceReport {
  /** The device. */
  readonly device: Provider;
  /** Whether a graph ran on it. */
  readonly available: boolean;
  /** What is missing, and how to get it; absent when nothing is. */
  readonly problem?: string | undefined;
}

/** Tries every device of this machine with a small graph. */
export async function probeDevices(): Promise<DeviceReport[]> {
  const engine = inlineEngine();
  const reports: DeviceReport[] = [];
  for (const device of providers) {
    try {
      await assertDevice(engine, device);
      reports.push({ device, available: true });
    } catch (error) {
      reports.push({ device, available: false, problem: (error as Error).message });
    }
  }
  return reports;
}

/**
 * Makes sure that an engine can compute on a device, by running a small graph there.
 *
 * @throws {DenoiseError} `runtime_unavailable` saying what is missing and how to get it.
 */
export async function assertDevice(engine: Engine, device: Device): Promise<void> {
  const { provider } = parseDevice(device);
  const unavailable = (problem: string, cause?: unknown) =>
    new DenoiseError(
      "runtime_unavailable",
      `Cannot compute on ${JSON.stringify(device)}: ${problem}`,
      { cause },
    );
  if (provider === "webgpu" && await lacksVulkan()) throw unavailable(NO_VULKAN);
  const graph = new Graph();
  const x = graph.input("x", "float32", [1]);
  graph.output("y", graph.node("Neg", [x]));
  try {
    const session = await engine.createSession({ ...graph.build("probe"), name: "probe", device });
    await session.run({ x: Tensor.from([1]) });
    await session.release();
  } catch (cause) {
    if (cause instanceof DenoiseError && cause.code === "engine_lost") throw cause;
    const problem = await PROBLEMS[provider]() ??
      `onnxruntime refuses it: ${cause instanceof Error ? cause.message : cause}`;
    throw unavailable(problem, cause);
  }
}

type Problem = string | undefined;

const PROBLEMS: Readonly<Record<Provider, () => Promise<Problem>>> = {
  cpu: () => Promise.resolve(undefined),
  cuda: () => nvidiaProblem("cuda", CUDA),
  tensorrt: () => nvidiaProblem("tensorrt", { ...CUDA, ...TENSORRT }),
  webgpu: () => Promise.resolve(NO_ADAPTER),
  coreml: () => Promise.resolve(elsewhere("darwin", "CoreML is a part of macOS")),
  dml: () => Promise.resolve(elsewhere("windows", "DirectML is a part of Windows")),
};

/** Libraries that onnxruntime's CUDA provider loads, and where they come from. */
const CUDA = {
  "libcuda.so.1": "the NVIDIA driver (in a container: run it with the NVIDIA runtime, --gpus all)",
  "libcudart.so.12": "the CUDA 12 runtime",
  "libcublas.so.12": "cuBLAS of CUDA 12",
  "libcufft.so.11": "cuFFT of CUDA 12",
  "libcurand.so.10": "cuRAND of CUDA 12",
  "libcudnn.so.9": "cuDNN 9 for CUDA 12",
} as const;

const TENSORRT = { "libnvinfer.so.10": "TensorRT 10" } as const;

async function nvidiaProblem(
  provider: "cuda" | "tensorrt",
  libraries: Readonly<Record<string, string>>,
): Promise<Problem> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return `onnxruntime-node has ${provider} for Linux on x64 alone; this is ${Deno.build.target}`;
  }
  const folder = providerFolder();
  const wanted = ["shared", "cuda", ...(provider === "tensorrt" ? ["tensorrt"] : [])]
    .map((name) => `libonnxruntime_providers_${name}.so`);
  const found = await Promise.all(wanted.map((name) => exists(`${folder}/${name}`)));
  const absent = wanted.filter((_, index) => !found[index]);
  if (absent.length > 0) {
    return `${absent.join(" and ")} must lie in ${folder}. The npm package leaves them to its ` +
      `install script, which Deno does not run: do "npm install onnxruntime-node@1.30.0" in an ` +
      `empty folder and copy node_modules/onnxruntime-node/bin/napi-v6/linux/x64/*.so from there`;
  }
  const missing: string[] = [];
  for (const [name, source] of Object.entries(libraries)) {
    if (!await findLibrary(name)) missing.push(`${name} (${source})`);
  }
  if (missing.length === 0) return undefined;
  return `the system has no ${
    missing.join(", no ")
  }. Install what is missing, or name its folder ` +
    `in LD_LIBRARY_PATH`;
}

/** Asked before WebGPU is tried, since trying without Vulkan prints warnings. */
async function lacksVulkan(): Promise<boolean> {
  return Deno.build.os === "linux" && !await findLibrary("libvulkan.so.1");
}

const NO_VULKAN =
  "the system has no libvulkan.so.1. Install the Vulkan loader (Debian: libvulkan1) and the driver " +
  "of the graphics card";

const NO_ADAPTER =
  "no graphics card with a driver for WebGPU was found (Vulkan on Linux, Direct3D 12 on Windows, " +
  "Metal on macOS)";

function elsewhere(os: typeof Deno.build.os, what: string): Problem {
  return Deno.build.os === os ? undefined : `${what}, and this is ${Deno.build.target}`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
