import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise/registry";
import * as fc from "fast-check";
import { Hono } from "hono";
import { createApp, honoWith } from "./app.ts";
import { ServeError } from "./contract/errors.ts";
import { builtInDoors } from "./doors/mod.ts";
import { memoryQueue } from "./queue/memory_queue.ts";
import { fakeApp, post } from "./tests/app.ts";
import { FakeEngine } from "./tests/fake_engine.ts";
import { until } from "../tests/support/until.ts";

const GENERATE = "/v1/images/generations";
const keys = [{ name: "ann", key: "key-of-ann" }];
const ann = { headers: { authorization: "Bearer key-of-ann" } };

/** A call of the tool of the Model Context Protocol. */
const CALL = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "generate_image", arguments: { prompt: "a" } },
};

/** Runs fewer cases than a soak would: 10,000 in all with DENOISE_BENCH_FUZZ=1. */
const CASES = Deno.env.has("DENOISE_BENCH_FUZZ") ? 10_000 : 300;

describe("createApp()", () => {
  it("needs an engine, or a queue and models", () => {
    assertThrows(() => createApp({ registry }), TypeError, "give an engine");
  });

  it("can be mounted in another app", async () => {
    const { app } = fakeApp();
    const host = new Hono().mount("/images", app.fetch);
    const response = await host.request(`/images${GENERATE}`, post({ prompt: "a cat" }));
    assertEquals(response.status, 200);
    await response.body?.cancel();
  });

  it("gives every reply a request id, the caller's own where it has one", async () => {
    const { app } = fakeApp();
    const own = await app.request("/livez", { headers: { "x-request-id": "abc-1" } });
    assertEquals(own.headers.get("x-request-id"), "abc-1");
    const made = await app.request("/none", { headers: { "x-request-id": "a b\t<script>" } });
    assert(/^[0-9a-f-]{36}$/.test(made.headers.get("x-request-id")!));
  });

  it("asks for a key everywhere but where the server itself is asked", async () => {
    const { app } = fakeApp({ auth: { keys } });
    for (
      const path of ["/livez", "/readyz", "/ping", "/health", "/health-check", "/openapi.json"]
    ) {
      assertEquals((await app.request(path)).status, 200, path);
    }
    for (const path of ["/v1/models", "/metrics", "/predictions/x", "/v1/capabilities", "/none"]) {
      const { status, headers } = await app.request(path);
      const isOpen = path === "/none";
      assertEquals(
        [status, headers.get("www-authenticate")],
        isOpen ? [404, null] : [401, "Bearer"],
      );
    }
    assertEquals((await app.request("/v1/models", ann)).status, 200);
    for (
      const wrong of ["key-of-ann", "Bearer key-of-an", "Bearer key-of-anna", "Basic x", "Bearer"]
    ) {
      const init = { headers: { authorization: wrong } };
      assertEquals((await app.request("/v1/models", init)).status, 401, wrong);
    }
  });

  it("gives errors of middleware in the shape of the door", async () => {
    const { app } = fakeApp({ auth: { keys } });
    const body = async (path: string) => await (await app.request(path, { method: "POST" })).json();
    assertEquals((await body(GENERATE)).error.code, "unauthorized");
    assertEquals((await body("/predictions")).title, "unauthorized");
    assertEquals((await body("/")).code, "unauthorized");
    assertEquals(typeof (await body("/models/a/b")).error, "string");
  });

  it("lets a key ask so often a minute", async () => {
    const { app } = fakeApp({ limits: { requestsPerMinute: 3 } });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await app.request("/v1/models")).status);
    assertEquals(statuses, [200, 200, 200, 429]);
    const response = await app.request("/v1/models");
    const seconds = Number(response.headers.get("retry-after"));
    assert(seconds >= 1 && seconds <= 20);
    assertEquals((await response.json()).error.code, "rate_limited");
  });

  it("takes no request of a stranger's web page where there are no keys", async () => {
    const { app, engine } = fakeApp({ corsOrigins: ["https://a.example"] });
    const ask = async (url: string, headers: Record<string, string>) =>
      (await app.request(new Request(url, post({ prompt: "a" }, { headers })))).status;
    const at = (host: string) => `http://${host}${GENERATE}`;
    for (
      const host of ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "10.1.2.3", "a.example"]
    ) {
      assertEquals(await ask(at(host), {}), 200, host);
    }
    assertEquals(await ask(at("evil.example"), {}), 403);
    assertEquals(await ask(at("localhost.evil.example"), {}), 403);
    const here = at("localhost");
    assertEquals(await ask(here, { origin: "http://localhost" }), 200);
    assertEquals(await ask(here, { origin: "https://a.example" }), 200);
    const before = engine.begun.length;
    assertEquals(await ask(here, { origin: "https://evil.example" }), 403);
    assertEquals(await ask(here, { origin: "null" }), 403);
    assertEquals(await ask(here, { "sec-fetch-site": "cross-site" }), 403);
    assertEquals(engine.begun.length, before);
    const navigation = { headers: { "sec-fetch-site": "cross-site", accept: "text/html" } };
    assertEquals((await app.request("/", navigation)).status, 200);
    const keyed = fakeApp({ auth: { keys } }).app;
    const headers = { ...ann.headers, origin: "https://evil.example" };
    assertEquals((await keyed.request("/mcp", post(CALL, { headers }))).status, 403);
  });

  it("looks at no more keys from where many wrong ones came, but at those that were right there", async () => {
    const { app } = fakeApp({ auth: { keys } });
    const ask = async (key: string, remoteAddress: string) => {
      const headers = { authorization: `Bearer ${key}` };
      const request = new Request("http://localhost/v1/models", { headers });
      return (await app.fetch(request, { remoteAddress })).status;
    };
    assertEquals(await ask("key-of-ann", "10.0.0.1"), 200);
    const statuses = await Promise.all(
      Array.from({ length: 100 }, (_, i) => ask(`guess-${i}`, "10.0.0.1")),
    );
    assertEquals(new Set(statuses), new Set([401, 429])); // how many of each, guesses_test says
    assertEquals(await ask("key-of-ann", "10.0.0.1"), 200);
  });

  it("holds each key to its own quota", async () => {
    const quota = {
      requestsPerMinute: 4,
      maxSteps: 10,
      maxPixels: 8192,
      priority: "batch",
    } as const;
    const large = { name: "c", key: "key-of-c", quota: { maxPixels: 2 ** 31 } };
    const { app, engine } = fakeApp({
      auth: { keys: [...keys, { name: "b", key: "key-of-b", quota }, large] },
    });
    const c = { headers: { authorization: "Bearer key-of-c" } };
    const b = { headers: { authorization: "Bearer key-of-b" } };
    const ask = async (body: object, who: RequestInit) => {
      const response = await app.request(GENERATE, post({ prompt: "a", ...body }, who));
      return [response.status, (await response.json()).error?.param];
    };
    assertEquals(await ask({ num_inference_steps: 10, size: "64x128" }, b), [200, undefined]);
    const { priority, keyPixels } = engine.begun.at(-1)!;
    assertEquals([priority, keyPixels], ["batch", 8192], "where an image gives the size too");
    assertEquals(
      await ask({ size: "1024x1024" }, c),
      [400, "size"],
      "more than the model's is none",
    );
    assertEquals(await ask({ num_inference_steps: 11 }, b), [400, "num_inference_steps"]);
    assertEquals(await ask({ size: "72x128" }, b), [400, "size"]);
    assertEquals(await ask({ n: 3 }, b), [400, "size"]);
    assertEquals((await ask({}, b))[0], 429);
    assertEquals(await ask({ num_inference_steps: 11, size: "72x128" }, ann), [200, undefined]);
  });

  it("counts the steps that a model takes by itself, too", async () => {
    const info = { defaults: { "text-to-image": { steps: 20 } } };
    const quota = { maxSteps: 10 };
    const { app } = fakeApp({ auth: { keys: [{ name: "b", key: "key-of-b", quota }] } }, { info });
    const init = { headers: { authorization: "Bearer key-of-b" } };
    const response = await app.request(GENERATE, post({ prompt: "a" }, init));
    assertEquals(
      (await response.json()).error.message,
      "num_inference_steps can be 10 at most with this key; " +
        "fake takes 20 where a request does not say",
    );
  });

  it("answers 429 at once when the queue is full", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    let early = 0;
    const ask = async () => {
      const response = await app.request(GENERATE, post({ prompt: "a" }));
      if (response.status === 429) early++;
      await response.body?.cancel();
      return response;
    };
    const replies = Array.from({ length: 200 }, ask);
    await until(() => early === 135); // none of those that have room has run
    assertEquals(engine.steps, 0);
    open();
    const all = await Promise.all(replies);
    const refused = all.filter(({ status }) => status === 429);
    assertEquals([refused.length, all.length - refused.length], [135, 65]);
    for (const { headers } of refused) {
      assert(Number(headers.get("retry-after")) >= 1);
      assert(Number(headers.get("retry-after-ms")) >= 1_000);
    }
  });

  it("ends the run when the caller goes, through every door", async () => {
    const requests: [string, unknown, Record<string, string>?][] = [
      [GENERATE, { prompt: "a" }],
      [GENERATE, { prompt: "a", stream: true }],
      ["/predictions", { input: { prompt: "a" } }],
      ["/predictions", { input: { prompt: "a" } }, { accept: "text/event-stream" }],
      ["/", { inputs: "a" }],
      ["/sdapi/v1/txt2img", { prompt: "a" }],
      ["/mcp", CALL, { accept: "application/json, text/event-stream" }],
    ];
    for (const [path, body, headers] of requests) {
      const { app, engine } = fakeApp();
      const open = engine.hold();
      const controller = new AbortController();
      const { signal } = controller;
      const reply = app.request(path, post(body, { signal, headers: headers ?? {} }));
      const reading = Promise.resolve(reply).then((response) => response.text()).catch(() => {});
      await until(() => engine.begun.length > 0);
      controller.abort();
      await reading;
      open();
      await until(async () => {
        const text = await (await app.request("/metrics")).text();
        return text.includes("denoise_running_jobs 0\n");
      });
      assertEquals(engine.steps, 0, `${path} ran on`);
    }
  });

  it("finishes what is under way when it drains, and takes nothing more", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    const under = app.request(GENERATE, post({ prompt: "a" }));
    await until(() => engine.begun.length > 0);
    const drained = app.drain(10_000);
    const late = await app.request(GENERATE, post({ prompt: "b" }));
    assertEquals([late.status, late.headers.get("retry-after")], [503, "5"]);
    assertEquals((await app.request("/readyz")).status, 503);
    assertEquals((await app.request("/livez")).status, 200);
    open();
    await drained;
    assertEquals((await under).status, 200);
  });

  it("lets web pages ask only from the origins it is given", async () => {
    const { app } = fakeApp({ corsOrigins: ["https://a.example"] });
    const from = async (origin: string) => {
      const headers = { origin, "access-control-request-method": "POST" };
      const reply = await app.request(GENERATE, { method: "OPTIONS", headers });
      return reply.headers.get("access-control-allow-origin");
    };
    assertEquals(await from("https://a.example"), "https://a.example");
    assertEquals(await from("https://b.example"), null);
    const none = await fakeApp().app.request("/livez", {
      headers: { origin: "https://a.example" },
    });
    assertEquals(none.headers.get("access-control-allow-origin"), null);
  });
});

describe("GET /readyz, /ping, /health and /health-check", () => {
  it("tell whether the models are loaded", async () => {
    const { app, engine } = fakeApp({}, { ready: false });
    const paths = ["/livez", "/readyz", "/ping", "/health", "/health-check"];
    const statuses = async () => {
      const found = [];
      for (const path of paths) found.push((await app.request(path)).status);
      return found;
    };
    const cog = async () => (await (await app.request("/health-check")).json()).status;
    assertEquals([await statuses(), await cog()], [[200, 503, 204, 503, 200], "STARTING"]);
    engine.becomeReady();
    assertEquals([await statuses(), await cog()], [[200, 200, 200, 200, 200], "READY"]);
    engine.fail();
    assertEquals([await statuses(), await cog()], [[200, 503, 503, 503, 200], "SETUP_FAILED"]);
  });
});

describe("GET /metrics", () => {
  it("counts what happens", async () => {
    const { app } = fakeApp();
    await (await app.request(GENERATE, post({ prompt: "a", n: 3 }))).body?.cancel();
    await (await app.request(GENERATE, post({ prompt: 1 }))).body?.cancel();
    const text = await (await app.request("/metrics")).text();
    for (
      const line of [
        'denoise_requests_total{door="openai",outcome="ok"} 1',
        'denoise_requests_total{door="openai",outcome="refused"} 1',
        'denoise_images_total{model="fake"} 3',
        'denoise_model_ready{model="fake"} 1',
        "denoise_queue_depth 0",
        "denoise_engine_restarts_total 0",
      ]
    ) assert(text.includes(line), `${line} is missing in\n${text}`);
    for (const name of ["queue_seconds", "step_seconds", "decode_seconds", "nan_outputs_total"]) {
      assert(text.includes(`denoise_${name}`), name);
    }
  });
});

describe("GET /metrics of an edge whose queue cannot be reached", () => {
  it("tells the rest", async () => {
    const engine = new FakeEngine();
    const away = () => Promise.reject(new ServeError("shutting_down", "away"));
    const queue = Object.assign(memoryQueue(engine), { depth: away });
    const { app } = fakeApp({ queue, models: engine });
    const response = await app.request("/metrics");
    const text = await response.text();
    assertEquals(response.status, 200, text);
    for (const line of ["denoise_queue_depth Nan", "denoise_engine_restarts_total 0"]) {
      assert(text.includes(line), text);
    }
  });
});

interface Description {
  openapi: string;
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
}

async function description(): Promise<Description> {
  const { app } = fakeApp();
  return await (await app.request("/openapi.json")).json();
}

describe("GET /openapi.json", () => {
  it("describes every route, and no other", async () => {
    const { openapi, paths } = await description();
    assertEquals(openapi, "3.1.0");
    const { hono } = honoWith(builtInDoors, { engine: new FakeEngine(), registry });
    const routes = hono.routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const described = Object.entries(paths)
      .flatMap(([path, operations]) =>
        Object.keys(operations).map((method) => `${method} ${path}`)
      );
    assertEquals([...described, "get /openapi.json"].sort(), routes.sort());
  });

  it("has the ranges that validate", async () => {
    const text = JSON.stringify(await description());
    assert(text.includes('"maximum":150') && text.includes('"minimum":1'), "steps");
  });
});

describe("fuzz", () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, "", "a cat", 1, 64, "64x64", "auto", -1, 1e308, "x".repeat(9000), true),
  );

  it("answers any body of any route with 2xx or 4xx, without a path or stack", async () => {
    const { app } = fakeApp();
    const shapes = [
      { path: GENERATE, names: ["prompt", "n", "size", "seed", "stream", "num_inference_steps"] },
      { path: "/predictions", names: ["input", "id", "version", "webhook"] },
      { path: "/", names: ["inputs", "parameters"] },
      { path: "/models/a/fake", names: ["inputs", "parameters"] },
      {
        path: "/sdapi/v1/txt2img",
        names: ["prompt", "steps", "seed", "sampler_name", "scheduler", "override_settings"],
      },
      { path: "/sdapi/v1/img2img", names: ["prompt", "init_images", "mask"] },
      { path: "/sdapi/v1/options", names: ["sd_model_checkpoint", "samples_format"] },
      { path: "/mcp", names: ["jsonrpc", "id", "method", "params"] },
    ];
    const request = fc.constantFrom(...shapes).chain(({ path, names }) =>
      fc.record({
        path: fc.constant(path),
        body: fc.oneof(
          {
            weight: 5,
            arbitrary: fc.record(Object.fromEntries(names.map((name) => [name, value]))),
          },
          { weight: 1, arbitrary: fc.jsonValue() },
        ),
      })
    );
    await fc.assert(
      fc.asyncProperty(request, async ({ path, body }) => {
        const response = await app.request(path, post(body));
        const text = await response.text();
        assert(response.status < 500, `${response.status}: ${text.slice(0, 300)}`);
        assert(!/\bat .*:\d+:\d+|file:\/\/|\/work\/|node_modules|\/root\//.test(text), text);
      }),
      { numRuns: CASES },
    );
  });

  it("answers any method, path and headers with no 5xx", async () => {
    const { app } = fakeApp();
    const { paths } = await description();
    const path = fc.tuple(
      fc.constantFrom(...Object.keys(paths)),
      fc.oneof(
        fc.constant(""),
        fc.webPath(),
        fc.constantFrom("/../../etc/passwd", "/%00", "//", "?a=%"),
      ),
    ).map(([known, tail]) => `${known.replaceAll(/\{\w+\}/g, "x")}${tail}`);
    const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY"];
    const name = fc.constantFrom("content-type", "accept", "prefer", "authorization", "range");
    const header = fc.string({ maxLength: 50 }).filter((text) => /^[\x20-\x7e]*$/.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        path,
        fc.dictionary(name, header),
        fc.uint8Array({ maxLength: 200 }),
        async (method, path, headers, bytes) => {
          const body = method === "GET" || method === "HEAD" ? null : new Uint8Array(bytes);
          const url = `http://localhost${path.startsWith("/") ? path : `/${path}`}`;
          if (!URL.canParse(url)) return;
          const response = await app.request(new Request(url, { method, headers, body }));
          await response.body?.cancel();
          assert(response.status < 500, `${method} ${url} ${response.status}`);
        },
      ),
      { numRuns: CASES },
    );
  });
});

describe("ServeError", () => {
  it("has a status for its code", () => {
    assertEquals(new ServeError("queue_full", "full").status, 429);
    assertEquals(new ServeError("nan_output", "NaN").status, 500);
  });
});
