/**
 * What those who run the server ask: is it alive, is it ready, how does it do; under the names that
 * Kubernetes, RunPod, Hugging Face and cog use.
 *
 * @module
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ServeError } from "../contract/errors.ts";
import type { AppEnv, DoorContext } from "../http/context.ts";
import { byteRange } from "../http/byte_range.ts";
import { inPieces } from "../http/in_pieces.ts";
import { route } from "../http/route.ts";
import type { Metrics } from "../observe/metrics.ts";
import { FILES_PATH } from "../storage/store.ts";
import type { Door } from "./door.ts";
import { errorBody } from "./openai/errors.ts";

const PUBLIC = ["/livez", "/readyz", "/ping", "/health", "/health-check", "/openapi.json"];

/** Whether a path is of those who ask whether a server lives, is ready, and how it does. */
export function isProbe(path: string): boolean {
  return path === "/metrics" || PUBLIC.includes(path) && path !== "/openapi.json";
}

const State = z.object({ status: z.string() });

function probe(path: string, summary: string, ...statuses: readonly number[]) {
  const content = { "application/json": { schema: State } };
  const responses = Object.fromEntries(
    statuses.map((status) => [status, { description: "How it does", content }]),
  );
  return { method: "get" as const, path, summary, tags: ["operations"], responses };
}

/** What is told of a queue that cannot be reached; all other metrics are told all the same. */
const UNKNOWN_DEPTH = { waiting: NaN, running: NaN, models: [] };

/** cog's word for the state of the engine. */
async function cogStatus({ models, queue }: DoorContext): Promise<string> {
  const { phase } = models.state;
  const depth = await queue.depth().catch(() => undefined);
  if (depth === undefined) return "UNHEALTHY";
  if (phase === "starting") return models.restarts === 0 ? "STARTING" : "UNHEALTHY";
  if (phase !== "ready") return phase === "failed" ? "SETUP_FAILED" : "DEFUNCT";
  return depth.waiting >= depth.bound ? "BUSY" : "READY";
}

/** The door of operations, which shows those metrics. */
export function operationsDoor(metrics: Metrics): Door {
  return {
    name: "operations",
    owns: (path) =>
      PUBLIC.includes(path) || path === "/metrics" || path.startsWith(`${FILES_PATH}/`),
    isPublic: (path) => path !== "/metrics",
    mount: (app, context) => mount(app, context, metrics),
    errorBody,
  };
}

function mount(app: OpenAPIHono<AppEnv>, context: DoorContext, metrics: Metrics): void {
  const { models } = context;
  const isReady = (): boolean => models.state.phase === "ready" && !context.isDraining();
  const phase = (): string => context.isDraining() ? "draining" : models.state.phase;

  route(app, probe("/livez", "Whether this process answers", 200), (c) => {
    return c.json({ status: "alive" });
  });
  route(app, probe("/readyz", "Whether every model is loaded and has run once", 200, 503), (c) => {
    const { state } = models;
    const timing = state.phase === "ready" ? { timing: state.timing } : {};
    const devices = models.devices === undefined ? {} : { devices: models.devices };
    return c.json({ status: phase(), ...timing, ...devices }, isReady() ? 200 : 503);
  });
  route(app, probe("/health", "The same, for inference endpoints", 200, 503), (c) => {
    return c.json({ status: phase() }, isReady() ? 200 : 503);
  });
  route(app, {
    ...probe("/ping", "204 while the models load, 200 when they are ready", 200, 503),
    responses: {
      200: { description: "Ready", content: { "application/json": { schema: State } } },
      204: { description: "Loading" },
      503: { description: "Failed, or going down" },
    },
  }, (c) => {
    if (isReady()) return c.json({ status: "ready" });
    return models.state.phase === "starting" && !context.isDraining()
      ? c.body(null, 204)
      : c.json({ status: phase() }, 503);
  });
  route(app, probe("/health-check", "cog's health check; always 200", 200), async (c) => {
    return c.json({ status: await cogStatus(context) });
  });
  route(app, {
    method: "get",
    path: "/metrics",
    summary: "Metrics for Prometheus",
    tags: ["operations"],
    responses: {
      200: { description: "Text format", content: { "text/plain": { schema: z.string() } } },
    },
  }, async (c) => {
    const depth = await context.queue.depth().catch(() => UNKNOWN_DEPTH);
    const { waiting, running, models: byModel } = depth;
    const text = await metrics.text({ waiting, running, byModel, models });
    return c.body(text, 200, { "content-type": metrics.contentType });
  });
  route(app, {
    method: "get",
    path: `${FILES_PATH}/{key}`,
    summary: "A stored image or audio clip, or a part of it",
    tags: ["operations"],
    request: { params: z.object({ key: z.string() }) },
    responses: {
      200: {
        description: "The file",
        content: { "image/png": { schema: z.any() }, "audio/wav": { schema: z.any() } },
      },
      206: { description: "The bytes that Range asks for" },
      404: { description: "There is no such file" },
      416: { description: "The range begins behind the end of the file" },
    },
  }, async (c) => {
    const key = c.req.param("key") ?? "";
    const isOurs = /^[0-9a-f]{32}\.[a-z]{3,4}$/.test(key) &&
      context.isValidAddress(key, new URL(c.req.url).searchParams);
    const file = isOurs ? await context.store.get(key) : undefined;
    if (file === undefined) {
      throw new ServeError("not_found", "There is no such file, or it is no longer kept");
    }
    const { bytes, mediaType } = file;
    const headers = {
      "content-type": mediaType,
      "cache-control": "private, max-age=3600, immutable",
      "accept-ranges": "bytes",
    };
    const range = byteRange(c.req.header("range"), bytes.length);
    if (range === "unsatisfiable") {
      return c.body(null, 416, { ...headers, "content-range": `bytes */${bytes.length}` });
    }
    const { start, end } = range ?? { start: 0, end: bytes.length };
    return c.body(inPieces(bytes.subarray(start, end)), range === undefined ? 200 : 206, {
      ...headers,
      "content-length": `${end - start}`,
      ...(range && { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
    });
  });
}
