import { createHash } from "node:crypto";
import { OpenAPIHono } from "@hono/zod-openapi";
import { type Registry, VERSION } from "@denoise/core";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { ServeError } from "./contract/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "./contract/limits.ts";
import { builtInDoors } from "./doors/mod.ts";
import type { WebhookSettings } from "./doors/predictions/webhooks.ts";
import type { Door } from "./doors/door.ts";
import { isProbe, operationsDoor } from "./doors/operations.ts";
import type { ServingEngine } from "./engine/engine.ts";
import { type ApiKey, keyCheck } from "./http/auth.ts";
import type { AppEnv, DoorContext, ModelCatalog } from "./http/context.ts";
import { ByteBudget } from "./queue/byte_budget.ts";
import { admitted, observed } from "./http/middleware.ts";
import { modelGate } from "./http/model_gate.ts";
import { rateLimit } from "./http/rate_limit.ts";
import { sameSite } from "./http/same_site.ts";
import { withoutGuesses } from "./http/guesses.ts";
import { replyError } from "./http/reply_error.ts";
import { log } from "./observe/log.ts";
import { createMetrics, type Metrics } from "./observe/metrics.ts";
import { observeJobs } from "./observe/observe_jobs.ts";
import { memoryQueue } from "./queue/memory_queue.ts";
import type { JobQueue } from "./queue/queue.ts";
import { isSignedAddress, withSignedAddresses } from "./storage/addresses.ts";
import { memoryStore } from "./storage/memory_store.ts";
import { FILES_PATH, type Store } from "./storage/store.ts";

/** What an app is made from. */
export interface AppOptions {
  /** What runs jobs in this process or beside it; not needed where `queue` and `models` are given. */
  readonly engine?: ServingEngine | undefined;
  /** The plugins, whose schedulers requests can name. */
  readonly registry: Registry;
  /** The models that there are. Defaults to the engine's. */
  readonly models?: ModelCatalog | undefined;
  /** Other names that requests may have for models, such as `{"gpt-image-*": "emoji"}`. */
  readonly modelAliases?: Readonly<Record<string, string>> | undefined;
  /** Where jobs wait. Defaults to 64 of them in this process, before the engine. */
  readonly queue?: JobQueue | undefined;
  /** How often who may ask; counted in this process by default. */
  readonly checkRate?: ((owner: string) => Promise<void>) | undefined;
  /** What addresses of stored files are signed with; made of the keys, or by chance, by default. */
  readonly addressSecret?: string | undefined;
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
  /** How callers are notified over webhooks; webhooks are off by default. */
  readonly webhooks?: WebhookSettings | undefined;
  /** Numbers about the app. Defaults to its own. */
  readonly metrics?: Metrics | undefined;
}

/** The HTTP function. */
export interface App {
  /**
   * Answers a request: for `Deno.serve`, or `mount` of another Hono app.
   *
   * @param caller Who is at the other end, as `Deno.serve` and the own listener tell it.
   */
  fetch(request: Request, caller?: Caller): Response | Promise<Response>;
  /** Answers probes and requests for metrics, without a key, and nothing else: for a port of its own. */
  probe(request: Request): Response | Promise<Response>;
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
  const { hono, probes, drain } = honoWith(doors, options);
  return {
    fetch: (request, caller) => hono.fetch(request, { remoteAddress: addressOf(caller) }),
    probe: (request) => probes.fetch(request),
    request: (path, init) => hono.request(path, init),
    drain,
  };
}

/** The same as a Hono app, which tells its routes. */
export function honoWith(
  chosen: readonly Door[],
  options: AppOptions,
): {
  readonly hono: OpenAPIHono<AppEnv>;
  readonly probes: OpenAPIHono<AppEnv>;
  readonly drain: App["drain"];
} {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const metrics = options.metrics ?? createMetrics();
  const { models, queue } = sources(options, limits, metrics);
  const keys = options.auth?.keys ?? [];
  const quotas = new Map(keys.map(({ name, quota }) => [name, quota ?? {}]));
  const operators = new Set(keys.filter(({ isOperator }) => isOperator).map(({ name }) => name));
  const secret = options.addressSecret ?? secretOf(keys);
  let draining = false;
  const context: DoorContext = {
    models,
    readyModels: modelGate(models, queue, limits.jobTimeoutMs),
    queue,
    limits,
    store: withSignedAddresses(options.storage ?? memoryStore(), secret),
    quotaOf: (owner) => quotas.get(owner) ?? {},
    isOperator: (owner) => operators.has(owner),
    isValidAddress: (key, query) => isSignedAddress(secret, key, query),
    storesResults: options.storage !== undefined,
    schedulers: options.registry.names("scheduler"),
    modelAliases: options.modelAliases ?? {},
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
  app.use(`${FILES_PATH}/*`, async (c, next) => {
    await next();
    c.res.headers.set("cross-origin-resource-policy", "cross-origin"); // any page may show them
  });
  app.use(secureHeaders(WITHOUT_OBSOLETE));
  const { corsOrigins = [] } = options;
  if (corsOrigins.length > 0) {
    app.use(cors({
      origin: corsOrigins.includes("*") ? "*" : [...corsOrigins],
      exposeHeaders: ["x-request-id", "retry-after", "retry-after-ms"],
    }));
  }
  const { publicUrl } = options;
  app.use(sameSite({ hasKeys: keys.length > 0, publicUrl, corsOrigins }));
  const ownerOf = withoutGuesses(keyCheck(keys));
  const bodies = new ByteBudget({
    maxBytes: limits.maxHeldBytes,
    maxBytesPerOwner: limits.maxHeldBytes / (keys.length > 1 ? 2 : 1),
  });
  const checkRate = options.checkRate ??
    rateLimit(limits.requestsPerMinute, (owner) => quotas.get(owner)?.requestsPerMinute);
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

  const probes = new OpenAPIHono<AppEnv>();
  probes.use(async (c, next) => await (isProbe(c.req.path) ? next() : c.notFound()));
  operations.mount(probes, context);

  return {
    hono: app,
    probes,
    async drain(graceMs): Promise<void> {
      draining = true;
      await queue.close(graceMs);
    },
  };
}

/** Who is at the other end of a request. */
export type Caller =
  | { readonly remoteAddress?: string | undefined }
  | { readonly remoteAddr: Deno.Addr };

function addressOf(caller: Caller | undefined): string | undefined {
  if (caller === undefined) return undefined;
  if (!("remoteAddr" in caller)) return caller.remoteAddress;
  return "hostname" in caller.remoteAddr ? caller.remoteAddr.hostname : undefined;
}

/** The same in every process that has the same keys. */
function secretOf(keys: readonly ApiKey[]): string {
  if (keys.length === 0) return crypto.getRandomValues(new Uint8Array(32)).toHex();
  const text = keys.map(({ key }) => key).sort().join("\n");
  return createHash("sha256").update(`addresses of files\n${text}`).digest("hex");
}

/** Where jobs go and models are listed: what is given, else the engine's. */
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
      queueTimeoutMs: limits.queueTimeoutMs,
      runTimeoutMs: limits.runTimeoutMs,
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
