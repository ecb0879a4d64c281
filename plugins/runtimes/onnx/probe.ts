/**
 * What this machine can compute with, and what is missing for the rest.
 *
 * @module
 */
import process from "node:process";
import { stat } from "node:fs/promises";
import { DenoiseError, type Device, Tensor } from "@denoise/core";
import { parseDevice, providers } from "./devices.ts";
import type { Engine } from "./engine/engine.ts";
import { engineOf } from "./engine/homes.ts";
import { Graph, type Provider } from "./graph/mod.ts";
import { findLibrary, providerFolder } from "./libraries.ts";
import { neededLibraries } from "./needed_libraries.ts";

/** Whether models can compute on a device. */
export interface DeviceReport {
  /** The device. */
  readonly device: Provider;
  /** Whether a graph ran on it. */
  readonly available: boolean;
  /** What is missing, and how to get it; absent when nothing is. */
  readonly problem?: string | undefined;
}

/** Tries devices of this machine, all by default, with a small graph. */
export async function probeDevices(
  devices: readonly Provider[] = providers,
): Promise<DeviceReport[]> {
  const engine = engineOf("inline");
  const reports: DeviceReport[] = [];
  for (const device of devices) {
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
  let answer: number | undefined;
  try {
    const session = await engine.createSession({ ...graph.build("probe"), name: "probe", device });
    const { y } = await session.run({ x: Tensor.from([1]) });
    await session.release();
    [answer] = y!.toFloat32Array();
  } catch (cause) {
    if (cause instanceof DenoiseError && cause.code === "engine_lost") throw cause;
    const problem = await PROBLEMS[provider]() ??
      `onnxruntime refuses it: ${cause instanceof Error ? cause.message : cause}`;
    throw unavailable(problem, cause);
  }
  if (answer === -1) return;
  throw unavailable(`it computes wrong numbers: -1 is ${answer} there. Is its driver whole?`);
}

type Problem = string | undefined;

const PROBLEMS: Readonly<Record<Provider, () => Promise<Problem>>> = {
  cpu: () => Promise.resolve(undefined),
  cuda: () => nvidiaProblem("cuda"),
  tensorrt: () => nvidiaProblem("tensorrt"),
  webgpu: () => Promise.resolve(NO_ADAPTER),
  coreml: () => Promise.resolve(elsewhere("darwin", "CoreML is a part of macOS")),
  dml: () => Promise.resolve(elsewhere("win32", "DirectML is a part of Windows")),
};

/** Where libraries come from, by the beginning of their names. */
const SOURCES: Readonly<Record<string, (version: string) => string>> = {
  "libcuda.so": () =>
    "the NVIDIA driver; in a container: run it with the NVIDIA runtime, --gpus all",
  libcudart: (version) => `the CUDA ${version} runtime`,
  libcublas: (version) => `cuBLAS of CUDA ${version}`,
  libcurand: () => "cuRAND of the same CUDA",
  libcufft: () => "cuFFT of the same CUDA",
  libcudnn: (version) => `cuDNN ${version} for the same CUDA`,
  libnvinfer: (version) => `TensorRT ${version}`,
  libnvonnxparser: (version) => `TensorRT ${version}`,
};

/** What the CUDA provider opens when it first computes, and does not say that it needs. */
const OPENED = "libcudnn.so.9";

/** This system and processor. */
const HERE = `${process.platform} ${process.arch}`;

async function nvidiaProblem(provider: "cuda" | "tensorrt"): Promise<Problem> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `onnxruntime-node has ${provider} for Linux on x64 alone; this is ${HERE}`;
  }
  const folder = providerFolder();
  const wanted = ["shared", "cuda", ...(provider === "tensorrt" ? ["tensorrt"] : [])]
    .map((name) => `libonnxruntime_providers_${name}.so`);
  const found = await Promise.all(wanted.map((name) => exists(`${folder}/${name}`)));
  const absent = wanted.filter((_, index) => !found[index]);
  if (absent.length > 0) {
    return `${absent.join(" and ")} must lie in ${folder}. They are in the Python package ` +
      `onnxruntime-gpu==1.30.*: "deno task gpu:libraries" in a checkout fetches and lays them; by ` +
      `hand, unpack onnxruntime/capi/libonnxruntime_providers_*.so of its wheel there`;
  }
  const needed = await Promise.all(wanted.map((name) => neededLibraries(`${folder}/${name}`)));
  const missing: string[] = [];
  for (const name of new Set([...needed.flat(), OPENED])) {
    if (wanted.includes(name) || await findLibrary(name)) continue;
    const source = Object.keys(SOURCES).find((start) => name.startsWith(start));
    const version = name.slice(name.indexOf(".so.") + ".so.".length);
    missing.push(source === undefined ? name : `${name} (${SOURCES[source]!(version)})`);
  }
  if (missing.length === 0) return undefined;
  const list = missing.join(", no ");
  return `the system has no ${list}. Install what is missing, or name its folder in LD_LIBRARY_PATH`;
}

/** Asked before WebGPU is tried, since trying without Vulkan prints warnings. */
async function lacksVulkan(): Promise<boolean> {
  return process.platform === "linux" && !await findLibrary("libvulkan.so.1");
}

const NO_VULKAN =
  "the system has no libvulkan.so.1. Install the Vulkan loader (Debian: libvulkan1) and the driver " +
  "of the graphics card";

const NO_ADAPTER =
  "no graphics card with a driver for WebGPU was found (Vulkan on Linux, Direct3D 12 on Windows, " +
  "Metal on macOS)";

function elsewhere(os: typeof process.platform, what: string): Problem {
  return process.platform === os ? undefined : `${what}, and this is ${HERE}`;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}
