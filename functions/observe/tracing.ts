import {
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { VERSION } from "@denoise/core";
import { isLast, type Job, type JobEvent } from "../contract/job.ts";

/** Spans of OpenTelemetry; they go nowhere unless the program has a provider (Deno's: OTEL_DENO=true). */
const tracer = () => trace.getTracer("denoise", VERSION);

/** How a propagator reads headers; one by one, for to list them all takes longer than to answer. */
const fromHeaders: TextMapGetter<Headers> = {
  keys: (headers) => [...headers.keys()],
  get: (headers, name) => headers.get(name) ?? undefined,
};

/** What a span says of a reply. */
export interface RequestFacts {
  /** HTTP method. */
  readonly method: string;
  /** Path, without the query. */
  readonly path: string;
  /** The route with its parameters, as the description has it; undefined where there is none. */
  readonly route: string | undefined;
  /** Name of the door. */
  readonly door: string;
  /** The `x-request-id`. */
  readonly requestId: string;
}

/**
 * Answers a request inside of a span, which goes on the trace of the caller where the W3C
 * `traceparent` header names one. Under a server that has begun a span already, such as `Deno.serve`,
 * that span is the one.
 *
 * @param answer Gives the HTTP status.
 */
export async function inRequestSpan(
  { method, path, route, door, requestId }: RequestFacts,
  headers: Headers,
  answer: () => Promise<number>,
): Promise<void> {
  const attributes = {
    "http.request.method": method,
    "url.path": path,
    ...(route === undefined ? {} : { "http.route": route }),
    "denoise.door": door,
    "denoise.request_id": requestId,
  };
  async function run(span: Span): Promise<void> {
    const status = await answer();
    span.setAttribute("http.response.status_code", status);
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  }
  const name = route === undefined ? method : `${method} ${route}`;
  const active = trace.getActiveSpan();
  if (active !== undefined) {
    active.setAttributes(attributes).updateName(name);
    return await run(active);
  }
  const parent = propagation.extract(context.active(), headers, fromHeaders);
  const options = { kind: SpanKind.SERVER, attributes };
  await tracer().startActiveSpan(name, options, parent, async (span) => {
    try {
      await run(span);
    } finally {
      span.end();
    }
  });
}

/** The span that is active, as the W3C has it in headers; undefined where nothing is traced. */
export function activeTrace(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** The spans of one job that are not ended yet, and when its last step was done. */
interface Traced {
  readonly parent: Context;
  run?: Span | undefined;
  lastStepAt?: number | undefined;
}

/**
 * Makes the function that turns what jobs tell into spans, under the span of their request, be it in
 * another process: `queue`, then `run` with its `step`s, `decode` and `encode`.
 */
export function jobTracer(): (job: Job, event: JobEvent) => void {
  const jobs = new Map<string, Traced>();

  function begin({ id, traceparent }: Job): Traced {
    const traced = { parent: propagation.extract(context.active(), { traceparent }) };
    jobs.set(id, traced);
    return traced;
  }

  return (job, event) => {
    if (job.traceparent === undefined) return;
    const traced = jobs.get(job.id) ?? begin(job);
    if (event.type === "started") {
      traced.run?.end(); // the attempt before this one, whose engine was lost
      startRun(traced, job, event.attempt);
    } else if (traced.run !== undefined) {
      tellRun(traced, traced.run, event);
    }
    if (isLast(event)) jobs.delete(job.id);
  };
}

function startRun(traced: Traced, { model, task, createdAt }: Job, attempt: number): void {
  const startTime = Date.now();
  if (attempt === 1) {
    tracer().startSpan("queue", { startTime: createdAt }, traced.parent).end(startTime);
  }
  const attributes = { "denoise.model": model, "denoise.task": task, "denoise.attempt": attempt };
  traced.run = tracer().startSpan("run", { startTime, attributes }, traced.parent);
}

function tellRun(traced: Traced, run: Span, event: JobEvent): void {
  const inside = trace.setSpan(traced.parent, run);
  const part = (name: string, from: number, to: number, attributes = {}): void =>
    tracer().startSpan(name, { startTime: from, attributes }, inside).end(to);
  if (event.type === "step") {
    const attributes = { "denoise.step": event.step, "denoise.steps": event.of };
    part("step", event.at - event.stepMs, event.at, attributes);
    traced.lastStepAt = event.at;
  } else if (event.type === "succeeded") {
    const { decodeMs, encodeMs } = event.timing;
    const decoded = (traced.lastStepAt ?? Date.now() - decodeMs - encodeMs) + decodeMs;
    part("decode", decoded - decodeMs, decoded);
    part("encode", decoded, decoded + encodeMs);
  } else if (event.type === "failed") {
    run.setAttribute("error.type", event.failure.code);
    run.setStatus({ code: SpanStatusCode.ERROR, message: event.failure.message });
  } else if (event.type === "canceled") {
    run.setAttribute("denoise.canceled", true);
  }
  if (isLast(event)) run.end();
}
