import { createSession } from "../session.ts";
import {
  type Engine,
  type EngineSession,
  type SessionDefaults,
  type SessionSpec,
  withDefaults,
} from "./engine.ts";

/** Computes in this thread, which does nothing else while a session starts or runs. */
export function inlineEngine(defaults: SessionDefaults = {}): Engine {
  const sessions = new Set<EngineSession>();
  return {
    async createSession(spec: SessionSpec): Promise<EngineSession> {
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
    },
  };
}
