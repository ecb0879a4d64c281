import type { Registry } from "@denoise/core";
import { type App, createApp } from "./app.ts";
import type { ChildServingEngine } from "./engine/child.ts";
import type { ServingEngine } from "./engine/engine.ts";
import { log } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { observeJobs } from "./observe/observe_jobs.ts";
import {
  appSettings,
  asOneEngine,
  checkAddress,
  filesOf,
  listenForProbes,
  listenOn,
  openEngines,
  openStore,
  placesOf,
  shareOf,
  timesOf,
  withPlugins,
} from "./parts.ts";
import { ByteBudget } from "./queue/byte_budget.ts";
import { memoryQueue } from "./queue/memory_queue.ts";
import { type Settings, SettingsError } from "./settings.ts";

/** A running server. */
export interface Server {
  /** Its address. */
  readonly url: string;
  /** Where probes are answered, where they have a port of their own. */
  readonly probeUrl: string | undefined;
  /** The app that answers. */
  readonly app: App;
  /** What runs jobs. */
  readonly engine: ServingEngine | ChildServingEngine;
  /** Takes no more requests, finishes those under way as the settings say, and ends the engine. */
  close(): Promise<void>;
}

/**
 * Starts edge and worker in one: a server, a queue in its memory, and the engine in a child process.
 * It listens at once; `/readyz` tells when the models are ready.
 *
 * @throws {SettingsError} on a public address without keys, and with the address of a Redis.
 */
export async function serve(
  settings: Settings,
  registry: Registry,
  options: { readonly insecure?: boolean } = {},
): Promise<Server> {
  checkAddress(settings, options.insecure ?? false);
  if (settings.redisUrl !== undefined) {
    throw new SettingsError([
      "DENOISE_REDIS_URL: serve keeps its queue in memory; start edge and worker, or leave it out",
    ]);
  }
  const plugins = await withPlugins(settings, registry);
  const storage = await openStore(settings.storage);
  const metrics = createMetrics({ process: true });
  const engines = openEngines(settings, plugins);
  const engine = asOneEngine(engines, settings);
  const { queueLimit: bound } = settings;
  const queue = memoryQueue(engine, {
    bound,
    concurrency: engines.length,
    share: shareOf(settings),
    placesOf: placesOf(settings),
    files: new ByteBudget(filesOf(settings)),
    ...timesOf(settings),
    onEvent: observeJobs(metrics),
    onError: ({ id, model }, error) =>
      log.error("job {id} of {model}: {error}", { id, model, error }),
  });
  const shared = appSettings(settings);
  const app = createApp({ ...shared, engine, registry: plugins, queue, storage, metrics });
  const server = await listenOn(app, settings);
  const probes = await listenForProbes(app, settings);
  return {
    url: server.url,
    probeUrl: probes?.url,
    app,
    engine,
    async close(): Promise<void> {
      await app.drain(settings.drainMs);
      await server.close();
      await engine.close();
      await probes?.close();
    },
  };
}
