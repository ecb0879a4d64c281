/**
 * What `serve`, `edge` and `worker` are put together from.
 *
 * @module
 */
import type { Device, Registry } from "@denoise/core";
import { importPlugins } from "@denoise/loading";
import type { App, AppOptions } from "./app.ts";
import { within } from "./async/within.ts";
import { childServingEngine } from "./engine/child.ts";
import type { ServingEngine } from "./engine/engine.ts";
import { inlineServingEngine } from "./engine/inline.ts";
import { type DeviceEngine, severalEngines } from "./engine/several.ts";
import { listen, type Listening } from "./http/listen.ts";
import { log } from "./observe/log.ts";
import type { ByteBudgetOptions } from "./queue/byte_budget.ts";
import type { Timeouts } from "./queue/timeouts.ts";
import { isLoopback, type Settings, SettingsError, type StorageSettings } from "./settings.ts";
import { folderStore } from "./storage/folder_store.ts";
import type { Store } from "./storage/store.ts";

/** Refuses a public address without keys. */
export function checkAddress({ host, keys }: Settings, insecure: boolean): void {
  if (isLoopback(host) || keys.length > 0 || insecure) return;
  throw new SettingsError([
    `DENOISE_HOST: ${host} can be reached by others, so set DENOISE_API_KEYS, or pass --insecure`,
  ]);
}

/** The settings of the app itself. */
export function appSettings(
  { keys, limits, modelAliases, publicUrl, corsOrigins, webhookSecret, addressSecret }: Settings,
): Pick<
  AppOptions,
  "auth" | "limits" | "modelAliases" | "publicUrl" | "corsOrigins" | "webhooks" | "addressSecret"
> {
  const webhooks = webhookSecret === undefined ? undefined : { secret: webhookSecret };
  return { auth: { keys }, limits, modelAliases, publicUrl, corsOrigins, webhooks, addressSecret };
}

/** Places in the queue that each of several keys has, however many jobs of others wait. */
export function shareOf({ keys, queueLimit }: Settings): number {
  return keys.length > 1 ? Math.max(1, Math.floor(queueLimit / keys.length)) : 0;
}

/** Places of a key at most, where it has a number of its own. */
export function placesOf({ keys }: Settings): (owner: string) => number | undefined {
  const places = new Map(keys.map(({ name, quota }) => [name, quota?.places]));
  return (owner) => places.get(owner);
}

/** How long jobs may take, and how many of those that failed are kept. */
export function timesOf({ limits, maxDeadLetters }: Settings): Timeouts & {
  readonly maxDeadLetters: number;
} {
  const { jobTimeoutMs: timeoutMs, queueTimeoutMs, runTimeoutMs } = limits;
  return { timeoutMs, queueTimeoutMs, runTimeoutMs, maxDeadLetters };
}

/** Bytes that images of jobs in the queue can hold. */
export function filesOf({ keys, limits: { maxHeldBytes } }: Settings): ByteBudgetOptions {
  return { maxBytes: maxHeldBytes, maxBytesPerOwner: maxHeldBytes / (keys.length > 1 ? 2 : 1) };
}

/** A registry with the plugins that the settings name in front. */
export async function withPlugins({ plugins }: Settings, registry: Registry): Promise<Registry> {
  return plugins.length === 0 ? registry : registry.with(await importPlugins(plugins));
}

/** An engine for each device, which begin to load their models. */
export function openEngines(settings: Settings, registry: Registry): DeviceEngine[] {
  const { devices, engine } = settings;
  if (engine === "inline" && devices.length > 1) {
    throw new SettingsError([
      "DENOISE_DEVICE: several devices need an engine of their own each; leave DENOISE_ENGINE out",
    ]);
  }
  return devices.map((device, i) => ({
    device,
    engine: openEngine(settings, registry, device, i),
  }));
}

/** Those engines as one. */
export function asOneEngine(engines: readonly DeviceEngine[], settings: Settings): ServingEngine {
  const { models, maxModelBytes, gpuMemoryLimit } = settings;
  if (engines.length === 1) return engines[0]!.engine;
  const order = models.map(({ id }) => id);
  return severalEngines(engines, { order, bytesOfDevice: maxModelBytes ?? gpuMemoryLimit });
}

/** Where not all models fit, each device begins with another one. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

function openEngine(
  settings: Settings,
  registry: Registry,
  device: Device,
  index: number,
): ServingEngine {
  const models = rotated(settings.models, index);
  const { torchDtype, quantization, variant, threads, loraFolder } = settings;
  const { maxSide, maxPixels, maxImages } = settings.limits;
  const sizeLimits = { maxSide, maxPixels, maxImages };
  const { gpuMemoryLimit, maxLoaded, maxModelBytes, pinned } = settings;
  const options = {
    models,
    registry,
    device,
    torchDtype,
    quantization,
    variant,
    threads,
    gpuMemoryLimit,
    sizeLimits,
    loraFolder,
    controlNets: settings.controlNets,
    maxLoaded,
    maxModelBytes,
    pinned,
  };
  if (settings.engine === "inline") return inlineServingEngine(options);
  return childServingEngine({
    ...options,
    silentMs: settings.silentMs,
    loadMs: settings.loadMs,
    maxMemory: settings.engineMemory,
    plugins: settings.plugins,
    onLost: (reason) => log.error("the engine was lost: {reason}; it is started again", { reason }),
  });
}

/** How often old files are looked for, in milliseconds. */
const SWEEP_MS = 60_000;

/** Where results go; undefined where they stay in memory. */
export async function openStore(settings: StorageSettings): Promise<Store | undefined> {
  if (settings.kind === "memory") return undefined;
  if (settings.kind === "folder") {
    const store = folderStore(settings.folder, { ttlMs: settings.ttlMs });
    const sweep = (): void => {
      store.sweep().catch((error) => log.warn("cannot drop old images: {error}", { error }));
    };
    Deno.unrefTimer(setInterval(sweep, SWEEP_MS));
    await Deno.mkdir(settings.folder, { recursive: true });
    sweep();
    return store;
  }
  const { s3Store } = await import("./storage/s3_store.ts");
  return s3Store(settings);
}

/** Listens for probes and metrics alone, where the settings name a port; no load takes its places. */
export async function listenForProbes(
  app: App,
  { host, probePort: port }: Settings,
): Promise<Listening | undefined> {
  if (port === undefined) return undefined;
  const listening = await listen(app.probe, { host, port, maxConnections: PROBE_CONNECTIONS });
  log.info("probes and metrics are answered on {url}", { url: listening.url });
  return listening;
}

/** Connections of who probes. */
const PROBE_CONNECTIONS = 64;

/** How long open connections are waited for when all work is done, in milliseconds. */
const LAST_BYTES_MS = 2_000;

/** Listens as the settings say. A server that can be reached no more ends its program. */
export async function listenOn(app: App, { host, port }: Settings): Promise<Listening> {
  const server = await listen(app.fetch, {
    host,
    port,
    onDeaf(): void {
      log.fatal("this server takes no more connections; it ends, to be started again");
      Deno.exit(1);
    },
  });
  return {
    url: server.url,
    get connections(): number {
      return server.connections;
    },
    close: () => within(server.close(), LAST_BYTES_MS),
  };
}
