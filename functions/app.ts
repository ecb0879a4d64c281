import { OpenAPIHono } from "@hono/zod-openapi";
import { type Registry, VERSION } from "@denoise/core";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { ServeError } from "./contract/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "./contract/limits.ts";
import { builtInDoors } from "./doors/mod.ts";
import type { WebhookSettings } from "./doors/predictions/webhooks.ts";
import type { Door } from "./doors/door.ts";
import { operationsDoor } from "./doors/operations.ts";
import type { ServingEngine } from "./engine/engine.ts";
import { type ApiKey, keyCheck } from "./http/auth.ts";
import type { AppEnv, DoorContext, ModelCatalog } from "./http/context.ts";
import { ByteBudget } from "./queue/byte_budget.ts";
import { admitted, observed } from "./http/middleware.ts";
import { modelGate } from "./http/model_gate.ts";
import { rateLimit } from "./http/rate_limit.ts";
import { replyError } from "./http/reply_error.ts";
import { log } from "./observe/log.ts";
import { createMetrics, type Metrics } from "./observe/metrics.ts";
import { observeJobs } from "./observe/observe_jobs.ts";
import { memoryQueue } from "./queue/memory_queue.ts";
import type { JobQueue } from "./queue/queue.ts";
import { memoryStore } from "./storage/memory_store.ts";
import type { Store } from "./storage/store.ts";

/** What an app is made from. */
export interface AppOptions {
  /** What runs jobs in this process or beside it; not needed where `queue` and `models` are given. */
  readonly engine?: ServingEngine | undefined;
  /** The plugins, whose schedulers requests can name. */
  readonly registry: Registry;
  /** The models that there are. Defaults to the engine's. */
  readonly models?: ModelCatalog | undefined;
  /** Where jobs wait. Defaults to 64 of them in this process, before the engine. */
  readonly queue?: JobQueue | undefined;
  /** Who may ask; anyone where there are no keys. */
  readonly auth?: { readonly keys: readonly ApiKey[] } | undefined;
  /** What a request may ask for. */
  readonly limits?: Partial<Limits> | undefined;
  /** Where results go. In this process for an hour by default. */
  readonly storage?: Store | undefined;
  /** Where callers reach this server. Defaults to the address of their request. */
  readonly publicUrl?: string | undefined;
  /** Origins of web pages that may ask. None by default, `["*"]` for any. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** How callers are told over webhooks; webhooks are off by default. */
  readonly webhooks?: WebhookSettings | undefined;
  /** Numbers about the app. Defaults to its own. */
  readonly metrics?: Metrics | undefined;
}

/** The HTTP function. */
export interface App {
  /** Answers a request: for `Deno.serve`, or `mount` of another Hono app. */
  fetch(request: Request): Response | Promise<Response>;
  /** Answers a request to a path, as tests make them. */
  request(path: string | Request, init?: RequestInit): Response | Promise<Response>;
  /**
   * Takes no more requests, gives those under way some time, and fails the rest.
   *
   * @param graceMs How much time.
   */
  drain(graceMs: number): Promise<void>;
}

/** Headers that no browser of today reads; each makes every reply slower. */
const WITHOUT_OBSOLETE = {
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} as const;

/**
 * Makes the HTTP function: doors for several kinds of clients over one queue.
 *
 * @example
 * ```ts ignore
 * import { createApp, inlineServingEngine } from "@denoise/functions";
 * import { registry } from "@denoise/denoise/registry";
 *
 * const models = [{ id: "emoji", location: "denoise/emoji" }];
 * const app = createApp({ engine: inlineServingEngine({ models, registry }), registry });
 * Deno.serve(app.fetch);
 * ```
 */
export function createApp(options: AppOptions): App {
  return appWith(builtInDoors, options);
}

/** An app with those doors beside the one of operations. */
export function appWith(doors: readonly Door[], options: AppOptions): App {
  const { hono, drain } = honoWith(doors, options);
  return {
    fetch: (request) => hono.fetch(request),
    request: (path, init) => hono.request(path, init),
    drain,
  };
}

/** The same as a Hono app, which tells its routes. */
export function honoWith(
  chosen: readonly Door[],
  options: AppOptions,
): { readonly hono: OpenAPIHono<AppEnv>; readonly drain: App["drain"] } {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const metrics = options.metrics ?? createMetrics();
  const { models, queue } = sources(options, limits, metrics);
  let draining = false;
  const context: DoorContext = {
    models,
    readyModels: modelGate(models, queue, limits.jobTimeoutMs),
    queue,
    limits,
    store: options.storage ?? memoryStore(),
    storesResults: options.storage !== undefined,
    schedulers: options.registry.names("scheduler"),
    publicUrl: options.publicUrl,
    webhooks: options.webhooks,
    isDraining: () => draining,
  };
  const operations = operationsDoor(metrics);
  const doors = [...chosen, operations];
  const doorOf = (path: string, method: string): Door =>
    doors.find((door) => door.owns(path, method)) ?? operations;

  const app = new OpenAPIHono<AppEnv>();
  app.use(observed(doorOf, metrics));
  app.use(secureHeaders(WITHOUT_OBSOLETE));
  const { corsOrigins = [] } = options;
  if (corsOrigins.length > 0) {
    app.use(cors({
      origin: corsOrigins.includes("*") ? "*" : [...corsOrigins],
      exposeHeaders: ["x-request-id", "retry-after", "retry-after-ms"],
    }));
  }
  const ownerOf = keyCheck(options.auth?.keys ?? []);
  const bodies = new ByteBudget({
    maxBytes: limits.maxHeldBytes,
    maxBytesPerOwner: limits.maxHeldBytes / ((options.auth?.keys.length ?? 0) > 1 ? 2 : 1),
  });
  const checkRate = rateLimit(limits.requestsPerMinute);
  app.use(admitted(doorOf, ownerOf, checkRate, context.isDraining, bodies));
  for (const door of doors) door.mount(app, context);
  let description: string | undefined; // what it tells does not change
  app.get("/openapi.json", (c) => {
    description ??= JSON.stringify(describe(app));
    return c.body(description, 200, { "content-type": "application/json" });
  });
  app.notFound((c) => {
    const message = `There is no route ${c.req.method} ${c.req.path.slice(0, 200)}`;
    const error = new ServeError("not_found", message);
    return replyError(c, doorOf(c.req.path, c.req.method), error, metrics);
  });
  app.onError((error, c) => replyError(c, doorOf(c.req.path, c.req.method), error, metrics));

  return {
    hono: app,
    async drain(graceMs): Promise<void> {
      draining = true;
      await queue.close(graceMs);
    },
  };
}

/** Where jobs go and models are told of: what is given, else the engine's. */
function sources(
  { engine, models = engine, queue }: AppOptions,
  limits: Limits,
  metrics: Metrics,
): { readonly models: ModelCatalog; readonly queue: JobQueue } {
  if (models === undefined || queue === undefined && engine === undefined) {
    throw new TypeError("Cannot make an app: give an engine, or both a queue and models");
  }
  const own = (): JobQueue =>
    memoryQueue(engine!, {
      timeoutMs: limits.jobTimeoutMs,
      onEvent: observeJobs(metrics),
      onError: ({ id, model }, error) =>
        log.error("job {id} of {model} failed: {error}", { id, model, error }),
    });
  return { models, queue: queue ?? own() };
}

/** The published description, made of the schemas that validate. */
function describe(app: OpenAPIHono<AppEnv>): object {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "denoise",
      version: VERSION,
      description: "Images from diffusion models, for the clients of several APIs",
      license: { name: "Apache-2.0" },
    },
    security: [{ key: [] }],
  });
  const { components = {} } = document;
  const securitySchemes = { key: { type: "http", scheme: "bearer" } };
  return { ...document, components: { ...components, securitySchemes } };
}
