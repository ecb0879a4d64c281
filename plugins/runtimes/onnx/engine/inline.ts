import { parseDevice } from "../devices.ts";
import type { Provider } from "../graph/mod.ts";
import { createSession } from "../session.ts";
import {
  type Engine,
  type EngineSession,
  type SessionDefaults,
  type SessionSpec,
  withDefaults,
} from "./engine.ts";
import { hasNative, nativeEngine } from "./native/native.ts";

/** Devices on which the native engine is the better one: the binding takes no options there. */
const NATIVE: readonly Provider[] = ["cuda", "tensorrt"];

/**
 * Computes in this thread, which does nothing else while a session starts or runs; on GPUs of NVIDIA
 * as {@linkcode nativeEngine} does, where that can.
 */
export function inlineEngine(defaults: SessionDefaults = {}): Engine {
  const sessions = new Set<EngineSession>();
  let native: Engine | undefined;
  return {
    async createSession(spec: SessionSpec): Promise<EngineSession> {
      const { device = "cpu" } = spec;
      if (NATIVE.includes(parseDevice(device).provider) && hasNative()) {
        native ??= nativeEngine(defaults);
        return await native.createSession(spec);
      }
      const session = await createSession(withDefaults(spec, defaults));
      sessions.add(session);
      return {
        run: (inputs, options) => session.run(inputs, options),
        release(): Promise<void> {
          sessions.delete(session);
          return session.release();
        },
      };
    },
    async close(): Promise<void> {
      await Promise.all([...sessions].map((session) => session.release()));
      sessions.clear();
      await native?.close();
    },
  };
}
