import { isPermitted, needsDeno, runtime } from "@denoise/core";
import { runtimeLibrary } from "../../libraries.ts";
import { type Engine, type EngineSession, type SessionDefaults, withDefaults } from "../engine.ts";
import type { SessionSpec } from "../engine.ts";
import { cString, openOrt, stored } from "./api.ts";
import { createNativeSession, type Runtime } from "./session.ts";
import { FATAL, type ProviderPlugin } from "./settings.ts";

/** How the native engine computes. */
export interface NativeEngineOptions extends SessionDefaults {
  /** The path of onnxruntime's library. Defaults to the one in the npm package onnxruntime-node. */
  readonly library?: string | undefined;
  /** A provider in a library of its own, which computes instead of the device's. */
  readonly plugin?: ProviderPlugin | undefined;
}

/** Libraries that are open, by their paths: each has one environment in a process. */
const runtimes = new Map<string, Runtime>();

function runtimeOf(library: string): Runtime {
  const known = runtimes.get(library);
  if (known !== undefined) return known;
  const ort = openOrt(library);
  const { call } = ort;
  const opened: Runtime = {
    library,
    ort,
    env: stored((place) => call.CreateEnv(FATAL, cString("denoise"), place)),
    allocator: stored((place) => call.GetAllocatorWithDefaultOptions(place)),
    cpu: stored((place) => call.CreateMemoryInfo(cString("Cpu"), 0, 0, 0, place)),
  };
  runtimes.set(library, opened);
  return opened;
}

/** Whether this program can compute so: in Deno, and allowed to call any native code. */
export function hasNative(): boolean {
  return runtime === "deno" && isPermitted("ffi");
}

/**
 * Computes in this process, on threads of its own: through the C API of onnxruntime's library, which
 * can do more than its binding for JavaScript. A run leaves this thread free, and an AbortSignal ends
 * it; a device takes options, its outputs stay on it, and its steps are captured as graphs.
 *
 * It needs Deno, and the permission to call native code without limits (`--allow-ffi`).
 *
 * @throws {DenoiseError} `runtime_unavailable` in Node.js and Bun.
 *
 * @example
 * ```ts
 * import { nativeEngine } from "@denoise/onnx";
 * import { Graph } from "@denoise/onnx/graph";
 * import { Tensor } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new Graph();
 * graph.output("y", graph.node("Neg", [graph.input("x", "float32", [2])]));
 * const engine = nativeEngine({ threads: 1 });
 * const session = await engine.createSession({ ...graph.build("neg"), name: "neg" });
 * const { y } = await session.run({ x: Tensor.from([1, 2]) });
 * assertEquals(y!.toNested(), [-1, -2]);
 * await engine.close();
 * ```
 */
export function nativeEngine(options: NativeEngineOptions = {}): Engine {
  needsDeno("The native engine", 'leave { engine: "native" } out');
  const { library, plugin, ...defaults } = options;
  const sessions = new Set<WeakRef<EngineSession>>();
  return {
    async createSession(spec: SessionSpec): Promise<EngineSession> {
      const opened = runtimeOf(library ?? runtimeLibrary());
      const session = await createNativeSession(opened, withDefaults(spec, defaults), plugin);
      const reference = new WeakRef(session); // one that nobody holds can be collected
      sessions.add(reference);
      return {
        run: (inputs, runOptions) => session.run(inputs, runOptions),
        release(): Promise<void> {
          sessions.delete(reference);
          return session.release();
        },
      };
    },
    async close(): Promise<void> {
      await Promise.all([...sessions].map((session) => session.deref()?.release()));
      sessions.clear();
    },
  };
}
