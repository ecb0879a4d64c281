/**
 * Predictions, as cog and Replicate have them: at once, later, or as a stream; looked up, cancelled,
 * and made once for an id however often it is asked for.
 *
 * @module
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { invalid, ServeError } from "../../contract/errors.ts";
import { isLast, type Job } from "../../contract/job.ts";
import { makeJobId } from "../../contract/job_id.ts";
import { check, readJson } from "../../http/body.ts";
import { callerOf } from "../../http/caller.ts";
import type { AppContext, AppEnv, DoorContext } from "../../http/context.ts";
import { leftAside, settleFields } from "../../http/field_rules.ts";
import { planJob } from "../../http/plan.ts";
import { type Operation, route } from "../../http/route.ts";
import { followOwn } from "../../http/run.ts";
import type { JobRecord } from "../../queue/queue.ts";
import type { Door } from "../door.ts";
import { toPrediction } from "./prediction.ts";
import { BODY_RULES, INPUT_RULES, namesIn, toRequest } from "./request.ts";
import { mountList } from "./list.ts";
import { mountFiles } from "./files.ts";
import { mountVersions } from "./versions.ts";
import {
  Prediction,
  type PredictionBody,
  predictionId,
  predictionSchema,
  Problem,
} from "./schemas.ts";
import { streamPrediction } from "./stream.ts";
import { readWebhook, tellWebhook, type Webhook } from "./webhooks.ts";

const json = (schema: z.ZodType) => ({ "application/json": { schema } });
const failed = (description: string) => ({ description, content: json(Problem) });
const made = (description: string) => ({ description, content: json(Prediction) });

const responses: Operation["responses"] = {
  200: made("The prediction"),
  201: made("The prediction at its end, or after the time to wait"),
  202: made("The prediction has begun"),
  400: failed("A field has a wrong value"),
  401: failed("The key is missing or unknown"),
  404: failed("There is no such model or prediction"),
  410: failed("The prediction is no longer kept"),
  413: failed("The body is too large"),
  415: failed("The body has another type"),
  422: failed("The id was used for another request"),
  429: failed("The queue is full; Retry-After says when"),
  500: failed("The server failed"),
  503: failed("The server goes down"),
  504: failed("The models were not loaded in time"),
};

/** A job, and where its webhook goes. */
interface Planned {
  readonly job: Job;
  readonly webhook: Webhook | undefined;
}

/** What a prediction was asked with, in short. */
async function fingerprintOf(
  { input, model, version }: PredictionBody,
  others: object,
): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify([input, model, version, others]));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** How long `Prefer: wait` waits unless it says, in seconds. */
const WAIT_S = 60;

/** Under /v1 it is Replicate's API, else cog's. */
function isReplicate(c: AppContext): boolean {
  return c.req.path.startsWith("/v1/");
}

/**
 * What a caller prefers: to wait for the end, for some seconds, or not at all. Who does not say waits for
 * the end at cog's door, and not at Replicate's.
 */
function preference(c: AppContext): { readonly waitMs: number | undefined } {
  const prefer = c.req.header("prefer") ?? "";
  if (/\brespond-async\b/.test(prefer)) return { waitMs: 0 };
  const [wait, seconds] = prefer.match(/\bwait(?:=(\d{1,4}))?\b/) ?? [];
  if (wait !== undefined) return { waitMs: 1000 * Number(seconds ?? WAIT_S) };
  return { waitMs: isReplicate(c) ? 0 : undefined };
}

function mount(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const { queue, limits } = context;
  const schema = predictionSchema(limits);
  const Id = z.object({ id: predictionId });
  const Model = z.object({ owner: z.string(), name: z.string() });

  async function plan(c: AppContext, id?: string, model?: string): Promise<Planned> {
    const given = await readJson(c, limits.maxUploadBytes);
    const body = check(schema, given);
    const aside = leftAside((given as { input: unknown }).input, INPUT_RULES, "input");
    const webhook = readWebhook(body.webhook, body.webhook_events_filter, context.webhooks);
    if (id !== undefined && body.id !== undefined && body.id !== id) {
      throw invalid("id", "id must be the one in the address, or be left out");
    }
    const request = await toRequest({ ...body, model: model ?? body.model }, context);
    const job = await planJob(context, request, {
      ...callerOf(c),
      names: namesIn(body),
      warnings: [...settleFields(given, BODY_RULES), ...aside.warnings],
      others: { fields: aside.others },
      id: internalId(c, id ?? body.id ?? makeJobId()),
      keepMs: limits.resultTtlMs,
    });
    const fingerprint = await fingerprintOf(body, aside.others);
    return { job: { ...job, fingerprint }, webhook };
  }

  async function answer(
    c: AppContext,
    { job, webhook }: Planned,
    status: 200 | 201,
  ): Promise<Response> {
    const isNew = await queue.submit(job);
    if (!isNew) checkSame(job, await queue.find(job.id));
    if (isNew && webhook !== undefined) {
      tellWebhook(queue, job.id, webhook, context.webhooks!, () => describe(c, job.id));
    }
    const { waitMs } = preference(c);
    if ((c.req.header("accept") ?? "").includes("text/event-stream")) {
      return streamPrediction(c, context, job.id, isNew && waitMs === undefined);
    }
    if (waitMs === 0) return c.json(await describe(c, job.id), isReplicate(c) ? 201 : 202);
    const isOnlyReader = isNew && waitMs === undefined && status === 201;
    await waitForEnd(c, job, waitMs, isOnlyReader);
    return c.json(await describe(c, job.id), status);
  }

  async function waitForEnd(
    c: AppContext,
    job: Job,
    waitMs: number | undefined,
    isOnlyReader: boolean,
  ): Promise<void> {
    const gone = c.req.raw.signal;
    const late = waitMs === undefined ? undefined : AbortSignal.timeout(waitMs);
    const signal = late === undefined ? gone : AbortSignal.any([gone, late]);
    const events = isOnlyReader ? followOwn(queue, job, signal) : queue.follow(job.id, signal);
    try {
      for await (const event of events) if (isLast(event)) break;
    } catch (error) {
      if (!late?.aborted) throw error;
    }
  }

  async function describe(c: AppContext, id: string): Promise<object> {
    return await toPrediction(c, context, await queue.find(id));
  }

  const body = { required: true, content: json(schema) };
  const shared = { tags: ["predictions"], responses };

  for (const prefix of ["", "/v1"]) {
    mountList(app, context, prefix, shared);

    route(app, {
      ...shared,
      method: "post",
      path: `${prefix}/predictions`,
      summary: "Make a prediction",
      request: { body },
    }, async (c) => await answer(c, await plan(c), 201));

    route(app, {
      ...shared,
      method: "post",
      path: `${prefix}/models/{owner}/{name}/predictions`,
      summary: "Make a prediction with a model",
      request: { params: Model, body },
    }, async (c) => {
      const { owner, name } = c.req.param() as { owner: string; name: string };
      const { state } = context.models;
      const isShort = state.phase === "ready" && state.models.some(({ id }) => id === name);
      return await answer(c, await plan(c, undefined, isShort ? name : `${owner}/${name}`), 201);
    });

    route(app, {
      ...shared,
      method: "put",
      path: `${prefix}/predictions/{id}`,
      summary: "Make a prediction once, however often it is asked for",
      request: { params: Id, body },
    }, async (c) => await answer(c, await plan(c, idOf(c)), 200));

    route(app, {
      ...shared,
      method: "get",
      path: `${prefix}/predictions/{id}`,
      summary: "How far a prediction is, and what it made",
      request: { params: Id },
    }, async (c) => c.json(await describe(c, internalId(c, idOf(c)))));

    route(app, {
      ...shared,
      method: "get",
      path: `${prefix}/predictions/{id}/stream`,
      summary: "What a prediction tells on its way, as server-sent events",
      request: { params: Id },
    }, async (c) => {
      const { job } = await queue.find(internalId(c, idOf(c)));
      return streamPrediction(c, context, job.id, false);
    });

    route(app, {
      ...shared,
      method: "post",
      path: `${prefix}/predictions/{id}/cancel`,
      summary: "End a prediction before its next step",
      request: { params: Id },
    }, async (c) => {
      const { job } = await queue.find(internalId(c, idOf(c)));
      await queue.cancel(job.id);
      return c.json(await describe(c, job.id));
    });
  }
  mountFiles(app, context, shared);
  mountVersions(app, context, shared);
}

function idOf(c: AppContext): string {
  return check(predictionId, c.req.param("id"), "id");
}

/** The id of a caller's prediction in the queue: what others call theirs is not met. */
function internalId(c: AppContext, id: string): string {
  return `${c.var.owner}:${id}`;
}

/** Refuses an id that was used for another request. */
function checkSame({ fingerprint }: Job, { job }: JobRecord): void {
  if (job.fingerprint === fingerprint) return;
  throw new ServeError("id_reused", "That id was used for another request; take a new one", {
    field: "id",
  });
}

const OWN =
  /^(\/v1)?(\/predictions(\/|$)|\/models\/[^/]+\/[^/]+\/predictions$)|^(\/v1)?\/files$|^\/v1\/files\/|^\/v1\/models\/[^/]+\/[^/]+/;

/** /predictions and /models/OWNER/NAME/predictions, the same under /v1, and Replicate's files and models. */
export const predictionsDoor: Door = {
  name: "predictions",
  owns: (path) => OWN.test(path),
  mount,
  errorBody: ({ message, code, status, field }) => ({
    title: code,
    detail: message,
    status,
    ...(field === undefined ? {} : { field }),
  }),
};
