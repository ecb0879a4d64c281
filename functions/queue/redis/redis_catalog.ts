import { VERSION } from "@denoise/core";
import { withSignal } from "../../async/with_signal.ts";
import { ServeError } from "../../contract/errors.ts";
import type { ModelInfo } from "../../contract/model_info.ts";
import type { EngineState } from "../../engine/engine.ts";
import type { ModelCatalog } from "../../http/context.ts";
import { connectRedis } from "./connect.ts";
import { type Member, membersOf } from "./members.ts";
import { namesUnder, PROTOCOL } from "./names.ts";

/** How often the workers are looked for, and how old the last look may be, in milliseconds. */
const LOOK_MS = 1_000;
const OLD_MS = 5_000;

/** The models of the workers that are there. */
export interface RedisCatalog extends ModelCatalog {
  /** Looks no more. */
  close(): void;
}

/** Looks for workers, and tells their models. Where Redis cannot be reached there are none. */
export function redisCatalog(url: string, prefix = "denoise"): RedisCatalog {
  const names = namesUnder(prefix);
  const redis = connectRedis(url, { maxRetriesPerRequest: 1, commandTimeout: OLD_MS - LOOK_MS });
  const timing = { downloadMs: 0, loadMs: 0, warmupMs: 0 };
  let state: EngineState = { phase: "starting" };
  let seenAt = -Infinity;
  let waiting = Promise.withResolvers<readonly ModelInfo[]>();
  waiting.promise.catch(() => {});

  function settle(next: EngineState): void {
    if (state.phase === "closed") return;
    if (state.phase !== "starting" && next.phase === "starting") {
      waiting = Promise.withResolvers();
      waiting.promise.catch(() => {});
    }
    state = next;
    if (next.phase === "ready") waiting.resolve(next.models);
    if (next.phase === "failed") {
      waiting.reject(new ServeError("model_unavailable", next.error.message));
    }
  }

  async function look(): Promise<void> {
    const members = await membersOf(redis, names);
    seenAt = performance.now();
    const models = new Map<string, ModelInfo>();
    for (const { protocol, models: own } of members) {
      if (protocol === PROTOCOL) own.forEach((model) => models.set(model.id, model));
    }
    if (models.size > 0) {
      if (state.phase === "failed") settle({ phase: "starting" });
      return settle({ phase: "ready", models: [...models.values()], timing });
    }
    const stranger = members.find(({ protocol }) => protocol !== PROTOCOL);
    settle(stranger === undefined ? { phase: "starting" } : mismatch(stranger));
  }

  const looks = setInterval(() => {
    if (performance.now() - seenAt > OLD_MS) settle({ phase: "starting" });
    look().catch(() => {});
  }, LOOK_MS);
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

function mismatch({ version, protocol }: Member): EngineState {
  const message = `The workers run denoise ${version} (protocol ${protocol}), and this edge ` +
    `${VERSION} (protocol ${PROTOCOL}): they do not understand each other; update the older ones`;
  return { phase: "failed", error: new Error(message) };
}
