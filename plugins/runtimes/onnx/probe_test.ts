import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import { inlineEngine, probeDevices } from "@denoise/onnx";
import { executionProviders, parseDevice } from "./devices.ts";
import { findLibrary, runtimeLibrary } from "./libraries.ts";
import { neededLibraries } from "./needed_libraries.ts";
import { assertDevice } from "./probe.ts";

describe("parseDevice()", () => {
  it("takes names apart", () => {
    assertEquals(parseDevice("cpu"), { provider: "cpu", index: 0 });
    assertEquals(parseDevice("cuda"), { provider: "cuda", index: 0 });
    assertEquals(parseDevice("cuda:12"), { provider: "cuda", index: 12 });
  });

  it("refuses what is no device, saying what there is", () => {
    for (const name of ["gpu", "cpu:0", "webgpu:1", "cuda:", "cuda:-1", "CUDA", ""]) {
      assertThrows(() => parseDevice(name as "cpu"), RangeError, "devices are cpu, cuda, tensorrt");
    }
  });
});

describe("executionProviders()", () => {
  it("numbers the devices of which there may be several", () => {
    assertEquals(executionProviders("cpu"), ["cpu"]);
    assertEquals(executionProviders("cuda:1"), [{ name: "cuda", deviceId: 1 }]);
    assertEquals(executionProviders("tensorrt"), [
      { name: "tensorrt", deviceId: 0 },
      { name: "cuda", deviceId: 0 },
    ]);
  });
});

describe("probeDevices()", () => {
  it("finds the CPU, and says for each other what is missing", async () => {
    const reports = await probeDevices();
    assertEquals(reports[0], { device: "cpu", available: true });
    assertEquals(reports.length, 6);
    for (const { device, available, problem } of reports) {
      if (!available) assert(problem!.startsWith(`Cannot compute on "${device}": `), problem);
    }
  });

  it("names CoreML's and DirectML's own systems", async () => {
    const engine = inlineEngine();
    const foreign = Deno.build.os === "darwin" ? "dml" : "coreml";
    const error = await assertRejects(() => assertDevice(engine, foreign), DenoiseError);
    assertEquals(error.code, "runtime_unavailable");
    assert(/is a part of (macOS|Windows)/.test(error.message), error.message);
  });
});

describe("findLibrary()", () => {
  it("finds what the dynamic linker finds", { ignore: Deno.build.os !== "linux" }, async () => {
    assertEquals(await findLibrary("libc.so.6"), true);
    assertEquals(await findLibrary("libnosuchthing.so.1"), false);
  });
});

describe("neededLibraries()", () => {
  const isLinux = Deno.build.os === "linux";

  it("reads them from the file itself", { ignore: !isLinux }, async () => {
    const names = await neededLibraries(runtimeLibrary());
    assert(names.includes("libc.so.6") && names.includes("libstdc++.so.6"), names.join());
    assert(names.every((name) => /^[\w+.-]+\.so[\d.]*$/.test(name)), names.join());
  });

  it("refuses what is no library", async () => {
    const path = new URL(import.meta.url).pathname;
    await assertRejects(() => neededLibraries(path), TypeError, "no shared library");
  });
});

describe("assertDevice()", () => {
  it("does not take a device that computes wrong numbers", async () => {
    const engine = {
      createSession: () =>
        Promise.resolve({
          run: () => Promise.resolve({ y: Tensor.from([0]) }),
          release: () => Promise.resolve(),
        }),
      close: () => Promise.resolve(),
    };
    const error = await assertRejects(() => assertDevice(engine, "cuda"), DenoiseError);
    assertEquals(error.code, "runtime_unavailable");
    assert(error.message.includes("wrong numbers: -1 is 0"), error.message);
  });
});
