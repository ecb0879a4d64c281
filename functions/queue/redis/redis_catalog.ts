import { Redis } from "ioredis";
import type { ModelInfo } from "../../contract/model_info.ts";
import type { EngineState } from "../../engine/engine.ts";
import { withSignal } from "../../async/with_signal.ts";
import type { ModelCatalog } from "../../http/context.ts";
import { namesUnder } from "./names.ts";

/** How often the workers are looked for, in milliseconds. */
const LOOK_MS = 1_000;

/** The models of the workers that are there. */
export interface RedisCatalog extends ModelCatalog {
  /** Looks no more. */
  close(): void;
}

/** Looks for workers, and tells their models. */
export function redisCatalog(url: string, prefix = "denoise"): RedisCatalog {
  const names = namesUnder(prefix);
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on("error", () => {});
  const timing = { downloadMs: 0, loadMs: 0, warmupMs: 0 };
  let state: EngineState = { phase: "starting" };
  let waiting = Promise.withResolvers<readonly ModelInfo[]>();

  async function look(): Promise<void> {
    const models = new Map<string, ModelInfo>();
    const keys = await redis.keys(names.worker("*"));
    for (const text of keys.length === 0 ? [] : await redis.mget(keys)) {
      for (const model of JSON.parse(text ?? "[]") as ModelInfo[]) models.set(model.id, model);
    }
    if (models.size === 0) {
      if (state.phase === "ready") waiting = Promise.withResolvers();
      state = { phase: "starting" };
      return;
    }
    state = { phase: "ready", models: [...models.values()], timing };
    waiting.resolve(state.models);
  }

  const looks = setInterval(() => look().catch(() => {}), LOOK_MS);
  look().catch(() => {});
  return {
    get state(): EngineState {
      return state;
    },
    restarts: 0,
    ready: (signal) => withSignal(waiting.promise, signal),
    close(): void {
      clearInterval(looks);
      state = { phase: "closed" };
      redis.disconnect();
    },
  };
}
