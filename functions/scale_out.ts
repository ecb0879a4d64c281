import type { Registry } from "@denoise/core";
import type { Redis } from "ioredis";
import { type App, appWith, createApp } from "./app.ts";
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
import { connectRedis } from "./queue/redis/connect.ts";
import { redisCatalog } from "./queue/redis/redis_catalog.ts";
import { redisQueue } from "./queue/redis/redis_queue.ts";
import { redisRateLimit } from "./queue/redis/redis_rate_limit.ts";
import { redisWorker } from "./queue/redis/redis_worker.ts";
import { type Settings, SettingsError } from "./settings.ts";
import { redisStore } from "./storage/redis_store.ts";
import type { Store } from "./storage/store.ts";

/** A running edge. */
export interface Edge {
  /** Its address. */
  readonly url: string;
  /** Where probes are answered, where they have a port of their own. */
  readonly probeUrl: string | undefined;
  /** The app that answers. */
  readonly app: App;
  /** Takes no more requests and ends; its jobs go on. */
  close(): Promise<void>;
}

/** A running worker. */
export interface WorkerServer {
  /** Address at which it tells how it does. */
  readonly url: string;
  /** The same on a port of its own, where it has one. */
  readonly probeUrl: string | undefined;
  /** What runs jobs. */
  readonly engine: ServingEngine;
  /** Takes no more jobs, finishes the one that runs, and ends. */
  close(): Promise<void>;
}

function redisUrlOf({ redisUrl }: Settings): string {
  if (redisUrl !== undefined) return redisUrl;
  throw new SettingsError([
    "DENOISE_REDIS_URL: edge and worker need it, such as redis://localhost:6379; serve does not",
  ]);
}

/** A store that edges and workers share: what the settings say, else Redis itself. */
async function sharedStore(settings: Settings, client: Redis): Promise<Store> {
  return await openStore(settings.storage) ?? redisStore(client);
}

function connect(url: string): Redis {
  const client = connectRedis(url);
  client.on("error", (error) => log.warn("Redis: {message}", { message: error.message }));
  return client;
}

/**
 * Starts an edge: keys, checks, queue and streams; no model and no native code. Any number of them
 * share a Redis with any number of workers.
 *
 * @throws {SettingsError} without Redis, or on a public address without keys.
 */
export async function edge(
  settings: Settings,
  registry: Registry,
  options: { readonly insecure?: boolean } = {},
): Promise<Edge> {
  checkAddress(settings, options.insecure ?? false);
  const url = redisUrlOf(settings);
  const plugins = await withPlugins(settings, registry);
  const client = connect(url);
  const store = await sharedStore(settings, client);
  const { queueLimit: bound, limits } = settings;
  const queue = redisQueue({
    url,
    store,
    bound,
    share: shareOf(settings),
    placesOf: placesOf(settings),
    files: filesOf(settings),
    ...timesOf(settings),
  });
  const models = redisCatalog(url);
  const metrics = createMetrics({ process: true });
  const storage = settings.storage.kind === "memory" ? undefined : store;
  const quotas = new Map(settings.keys.map(({ name, quota }) => [name, quota]));
  const rate = redisRateLimit(
    url,
    (owner) => quotas.get(owner)?.requestsPerMinute ?? limits.requestsPerMinute,
  );
  const app = createApp({
    ...appSettings(settings),
    registry: plugins,
    models,
    queue,
    storage,
    metrics,
    checkRate: rate.check,
  });
  const server = await listenOn(app, settings);
  const probes = await listenForProbes(app, settings);
  return {
    url: server.url,
    probeUrl: probes?.url,
    app,
    async close(): Promise<void> {
      const closed = server.close();
      await app.drain(settings.drainMs);
      await closed;
      await probes?.close();
      models.close();
      rate.close();
      client.disconnect();
    },
  };
}

/**
 * Starts a worker: it holds the models, takes jobs from Redis, and tells how it does over HTTP.
 *
 * @throws {SettingsError} without Redis.
 */
export async function worker(
  settings: Settings,
  registry: Registry,
  options: { readonly insecure?: boolean } = {},
): Promise<WorkerServer> {
  checkAddress(settings, options.insecure ?? false);
  const url = redisUrlOf(settings);
  const plugins = await withPlugins(settings, registry);
  const client = connect(url);
  const store = await sharedStore(settings, client);
  const metrics = createMetrics({ process: true });
  const engines = openEngines(settings, plugins);
  const engine = asOneEngine(engines, settings);
  const takers = await Promise.all(engines.map(({ engine }) =>
    redisWorker(engine, {
      url,
      store,
      lockMs: settings.lockMs,
      onEvent: observeJobs(metrics),
      onError: ({ id, model }, error) =>
        log.error("job {id} of {model}: {error}", { id, model, error }),
    })
  ));
  const queue = redisQueue({ url, store });
  const app = appWith([], { ...appSettings(settings), engine, registry: plugins, queue, metrics });
  const server = await listenOn(app, settings);
  const probes = await listenForProbes(app, settings);
  return {
    url: server.url,
    probeUrl: probes?.url,
    engine,
    async close(): Promise<void> {
      await Promise.all(takers.map((taker) => taker.close(settings.drainMs)));
      await app.drain(0);
      await server.close();
      await engine.close();
      await probes?.close();
      client.disconnect();
    },
  };
}
