import type { Engine } from "./engine.ts";
import { inlineEngine } from "./inline.ts";

/** Where sessions run: in this thread, a Worker, a child process, or an engine of one's own. */
export type EngineChoice = "inline" | "worker" | "child" | object;

/** The engine that a choice stands for. */
export function engineOf(choice: EngineChoice = "inline"): Engine {
  if (typeof choice === "object") return choice as Engine;
  return inlineEngine();
}
