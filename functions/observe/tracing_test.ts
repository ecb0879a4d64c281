/**
 * Traces, as a collector gets them from the programs.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { post } from "../tests/app.ts";
import { type ReceivedSpan, startCollector } from "../tests/collector.ts";
import { TINY } from "../tests/jobs.ts";
import { endOfModule, startProgram } from "../tests/programs.ts";
import { hasRedis, startRedis } from "../tests/redis.ts";

const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };
const traceId = "0af7651916cd43dd8448eb211c80319c";
const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
const GENERATE = "/v1/images/generations";

async function generate(url: string, init: RequestInit): Promise<void> {
  const body = { prompt: "a cat", num_inference_steps: 3, scheduler: "ddim", seed: 1 };
  const response = await fetch(`${url}${GENERATE}`, post(body, init));
  assertEquals(response.status, 200, await response.text());
}

/** The spans of our own in a trace: under `serve`, Deno adds one of node's server. */
const ours = (spans: readonly ReceivedSpan[]) => spans.filter(({ scope }) => scope === "denoise");

function checkTrace(spans: readonly ReceivedSpan[], parent: string): ReceivedSpan {
  const [request, more] = spans.filter(({ name }) => name === `POST ${GENERATE}`);
  assert(request !== undefined && more === undefined, "one span a request");
  assertEquals(request.parentSpanId, parent);
  assertEquals(Number(request.attributes["http.response.status_code"]), 200);
  const inside = (span: ReceivedSpan) =>
    spans.filter(({ parentSpanId }) => parentSpanId === span.spanId).map(({ name }) => name).sort();
  assertEquals(inside(request), ["queue", "run"]);
  const run = spans.find(({ name }) => name === "run")!;
  assertEquals(inside(run), ["decode", "encode", "step", "step", "step"]);
  assertEquals(run.attributes["denoise.model"], "tiny");
  for (const { name, from, to } of spans.filter((span) => span.parentSpanId === run.spanId)) {
    // clocks of two processes, read in whole milliseconds
    assert(from >= run.from - 5 && to <= run.to + 5 && from <= to, `${name} is outside of its run`);
  }
  assert(!JSON.stringify(spans).includes("a cat"), "prompts are in no span");
  return run;
}

const complete = (spans: readonly ReceivedSpan[]) =>
  ["run", `POST ${GENERATE}`].every((name) => spans.some((span) => span.name === name));

const withRedis = await hasRedis();

describe("traces", () => {
  it("call requests by their route, and take the span of a server that has begun one", async () => {
    await using collector = startCollector();
    const mounted = new URL("../tests/mounted.ts", import.meta.url);
    const { code, errors } = await endOfModule(mounted, collector.env);
    assertEquals(code, 0, errors);
    const name = "GET /v1/models/:id";
    const spans = await collector.until((spans) => spans.some((span) => span.name === name));
    const served = spans.filter((span) => span.attributes["url.path"] === "/v1/models/fake");
    assertEquals(served.map((span) => span.name), [name]);
    assertEquals(Number(served[0]!.attributes["http.response.status_code"]), 200);
  });

  it("have a span for a request, on the caller's trace, with queue, run and steps inside", async () => {
    await using collector = startCollector();
    await using server = await startProgram("serve", { ...env, ...collector.env });
    await server.alive(generate(server.url, { headers }));
    const spans = (await collector.until(complete)).filter((span) => span.traceId === traceId);
    checkTrace(ours(spans), "b7ad6b7169203331");
  });

  it("begin here when the caller has none", async () => {
    await using collector = startCollector();
    await using server = await startProgram("serve", { ...env, ...collector.env });
    await server.alive(generate(server.url, {}));
    checkTrace(ours(await collector.until(complete)), "");
  });

  it("go on in the worker", { ignore: !withRedis }, async () => {
    await using collector = startCollector();
    await using redis = await startRedis();
    const shared = { ...env, ...collector.env, DENOISE_REDIS_URL: redis.url };
    await using edge = await startProgram("edge", { ...shared, OTEL_SERVICE_NAME: "edge" });
    await using worker = await startProgram("worker", { ...shared, OTEL_SERVICE_NAME: "worker" });
    await edge.alive(worker.alive(generate(edge.url, { headers })));
    const spans = await collector.until((spans) =>
      complete(spans.filter((span) => span.traceId === traceId))
    );
    const traced = ours(spans.filter((span) => span.traceId === traceId));
    const run = checkTrace(traced, "b7ad6b7169203331");
    assertEquals(run.service, "worker");
    assertEquals(traced.find(({ name }) => name.startsWith("POST"))!.service, "edge");
  });
});
