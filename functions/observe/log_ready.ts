import type { ServingEngine } from "../engine/engine.ts";
import { log } from "./log.ts";

/** Says in the log which models an engine has, once it has them, or why it has none. */
export async function logReady(engine: ServingEngine): Promise<void> {
  try {
    await engine.ready();
  } catch (error) {
    const { cause = error } = error as { cause?: unknown };
    return log.error("not ready: {cause}", { cause: String(cause) });
  }
  const { state } = engine;
  if (state.phase !== "ready") return;
  const names = state.models.map(({ id }) => id).join(", ");
  log.info("ready: {names}", { names, broken: state.broken ?? [], timing: state.timing });
}
