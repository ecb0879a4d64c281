import { configure, getConsoleSink, jsonLinesFormatter } from "@logtape/logtape";
import type { Registry } from "@denoise/core";
import { type App, createApp } from "./app.ts";
import { childEngine, type ChildServingEngine } from "./engine/child.ts";
import type { ServingEngine } from "./engine/engine.ts";
import { inlineEngine } from "./engine/inline.ts";
import { listen } from "./http/listen.ts";
import { log } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { memoryQueue } from "./queue/memory_queue.ts";
import { isLoopback, type Settings, SettingsError, type StorageSettings } from "./settings.ts";
import { folderStore } from "./storage/folder_store.ts";
import type { Store } from "./storage/store.ts";

/** A running server. */
export interface Server {
  /** Its address. */
  readonly url: string;
  /** The app that answers. */
  readonly app: App;
  /** What runs jobs. */
  readonly engine: ServingEngine | ChildServingEngine;
  /** Takes no more requests, finishes those under way as the settings say, and ends the engine. */
  close(): Promise<void>;
}

/**
 * Starts the server and its engine. It listens at once; `/readyz` tells when the models are ready.
 *
 * @throws {SettingsError} on a public address without keys.
 */
export async function serve(
  settings: Settings,
  registry: Registry,
  options: { readonly insecure?: boolean } = {},
): Promise<Server> {
  const { host, port, keys, limits } = settings;
  if (!isLoopback(host) && keys.length === 0 && !options.insecure) {
    throw new SettingsError([
      `DENOISE_HOST: ${host} can be reached by others, so set DENOISE_API_KEYS, or pass --insecure`,
    ]);
  }
  const storage = await openStore(settings.storage);
  const metrics = createMetrics({ process: true });
  const engine = openEngine(settings, registry);
  const queue = memoryQueue(engine, {
    bound: settings.queueLimit,
    timeoutMs: limits.jobTimeoutMs,
    onEvent: (job, event) => metrics.observe(job, event),
    onError: ({ id, model }, error) =>
      log.error("job {id} of {model}: {error}", { id, model, error }),
  });
  const { corsOrigins, publicUrl } = settings;
  const auth = { keys };
  const app = createApp({
    engine,
    registry,
    queue,
    auth,
    limits,
    storage,
    publicUrl,
    corsOrigins,
    metrics,
  });
  const server = await listen(app.fetch, { host, port });
  return {
    url: server.url,
    app,
    engine,
    async close(): Promise<void> {
      await app.drain(settings.drainMs);
      await Promise.race([server.close(), new Promise((resolve) => setTimeout(resolve, 2_000))]);
      await engine.close();
    },
  };
}

function openEngine(settings: Settings, registry: Registry): ServingEngine {
  const { models, device, torchDtype, variant, threads, limits } = settings;
  const options = { models, registry, device, torchDtype, variant, threads };
  const { maxPixels } = limits;
  if (settings.engine === "inline") return inlineEngine({ ...options, maxPixels });
  return childEngine({
    ...options,
    maxPixels,
    onLost: (reason) => log.error("the engine was lost: {reason}; it is started again", { reason }),
  });
}

async function openStore(settings: StorageSettings): Promise<Store | undefined> {
  if (settings.kind === "memory") return undefined;
  if (settings.kind === "folder") return folderStore(settings.folder);
  const { s3Store } = await import("./storage/s3_store.ts");
  return s3Store(settings);
}

/** Logs as JSON lines on standard error. */
export async function configureLog(lowestLevel: Settings["logLevel"]): Promise<void> {
  const console = getConsoleSink({ formatter: jsonLinesFormatter, levelMap: LEVELS });
  await configure({
    sinks: { console },
    loggers: [
      { category: "denoise", lowestLevel, sinks: ["console"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["console"] },
    ],
  });
}

/** Everything goes to standard error. */
const LEVELS = {
  trace: "error",
  debug: "error",
  info: "error",
  warning: "error",
  error: "error",
  fatal: "error",
} as const;
