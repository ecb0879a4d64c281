/**
 * What those who run the server do with jobs that failed: look at them, try them again, drop them. For
 * keys that are an operator's alone.
 *
 * @module
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ServeError } from "../contract/errors.ts";
import { type Job, type JobFailure, resultsOf } from "../contract/job.ts";
import { type AppContext, type AppEnv, baseUrl, type DoorContext } from "../http/context.ts";
import { type Operation, route } from "../http/route.ts";
import type { JobRecord } from "../queue/queue.ts";
import { storeResult } from "../storage/store_result.ts";
import type { Door } from "./door.ts";
import { errorBody } from "./openai/errors.ts";
import { describeInput, timestamp } from "./predictions/prediction.ts";

const Failure = z.object({ code: z.string(), message: z.string() });

const described = {
  id: z.string(),
  owner: z.string(),
  model: z.string(),
  task: z.string(),
  created_at: z.string().nullable(),
  input: z.record(z.string(), z.any()),
};

const DeadLetter = z.object({
  ...described,
  failed_at: z.string().nullable(),
  error: Failure,
}).openapi("DeadLetter");

const OperatorJob = z.object({
  ...described,
  status: z.enum(["queued", "running", "succeeded", "failed", "canceled"]),
  queue_position: z.int().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  error: Failure.nullable(),
  output: z.array(z.string()).nullable(),
}).openapi("OperatorJob");

const Id = z.object({ id: z.string().max(300) });

/** Longest id that is looked at. */
const MAX_ID = 300;

function describe({ id, owner, model, task, createdAt, input }: Job) {
  const created_at = timestamp(createdAt);
  return { id, owner, model, task, created_at, input: describeInput(input) };
}

const describeFailure = ({ code, message }: JobFailure) => ({ code, message });

async function describeRecord(c: AppContext, context: DoorContext, record: JobRecord) {
  const { job, status, position, latest: { succeeded, failed }, startedAt, endedAt } = record;
  const base = baseUrl(c, context);
  const results = succeeded && resultsOf(succeeded);
  const stored = results?.map((result) => storeResult(context.store, result, base));
  return {
    ...describe(job),
    status,
    queue_position: status === "queued" ? position : null,
    started_at: timestamp(startedAt),
    ended_at: timestamp(endedAt),
    error: failed === undefined ? null : describeFailure(failed.failure),
    output: stored === undefined ? null : await Promise.all(stored),
  };
}

function mount(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const { queue, limits } = context;
  const { deadLetters } = queue;

  /** Adds a route that only operators can use. */
  function add(
    operation: Pick<Operation, "method" | "path" | "summary">,
    success: Operation["responses"],
    handler: (c: AppContext, id: string) => Promise<Response>,
  ): void {
    const problem = (description: string) => ({ description });
    route(app, {
      ...operation,
      tags: ["operations"],
      ...operation.path.includes("{id}") ? { request: { params: Id } } : {},
      responses: {
        ...success,
        401: problem("The key is missing or unknown"),
        403: problem("The key is not an operator's"),
        404: problem("There is no such job"),
        410: problem("The job is no longer kept"),
        422: problem("The job is under way again"),
        429: problem("The key asks too often, or the queue holds as much as it may"),
        503: problem("The server goes down, or the queue cannot be reached"),
      },
    }, async (c) => {
      if (!context.isOperator(c.var.owner)) throw notAnOperator();
      return await handler(c, (c.req.param("id") ?? "").slice(0, MAX_ID));
    });
  }

  const json = (description: string, schema: z.ZodType) => ({
    description,
    content: { "application/json": { schema } },
  });

  add({
    method: "get",
    path: "/operator/dead-letters",
    summary: "Jobs that failed by a fault of the server, the newest first",
  }, {
    200: json("The jobs", z.object({ data: z.array(DeadLetter) })),
  }, async (c) => {
    const letters = await deadLetters.list();
    const data = letters.map(({ job, failure, failedAt }) => ({
      ...describe(job),
      failed_at: timestamp(failedAt),
      error: describeFailure(failure),
    }));
    return c.json({ data });
  });

  add(
    {
      method: "post",
      path: "/operator/dead-letters/{id}/retry",
      summary: "Try a job again, before all that wait; its id stays",
    },
    { 202: json("The job waits", OperatorJob) },
    async (c, id) => {
      await deadLetters.retry(id, limits.resultTtlMs);
      return c.json(await describeRecord(c, context, await queue.find(id)), 202);
    },
  );

  add(
    {
      method: "delete",
      path: "/operator/dead-letters/{id}",
      summary: "Drop a job that failed",
    },
    { 204: { description: "It is dropped" } },
    async (c, id) => {
      await deadLetters.drop(id);
      return c.body(null, 204);
    },
  );

  add(
    {
      method: "get",
      path: "/operator/jobs/{id}",
      summary: "Where a job is, whoever's it is, and what it made",
    },
    { 200: json("The job", OperatorJob) },
    async (c, id) => {
      return c.json(await describeRecord(c, context, await queue.find(id)));
    },
  );
}

function notAnOperator(): ServeError {
  const message = "This key is not an operator's: set DENOISE_OPERATOR_KEY, or operator in the " +
    "file of DENOISE_KEYS, and ask with that key";
  return new ServeError("forbidden", message);
}

/** /operator: jobs that failed, for those who run the server. */
export const operatorDoor: Door = {
  name: "operator",
  owns: (path) => path.startsWith("/operator/"),
  mount,
  errorBody,
};
