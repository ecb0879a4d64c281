import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp, messages, post } from "../../tests/app.ts";
import { until } from "../../../tests/support/until.ts";

const prefer = (value: string) => ({ headers: { prefer: value } });
const input = { prompt: "a cat", num_inference_steps: 3, seed: 7 };

describe("POST /predictions", () => {
  it("answers with the prediction at its end", async () => {
    const { app } = fakeApp();
    const response = await app.request("/predictions", post({ input }));
    assertEquals(response.status, 201);
    const prediction = await response.json();
    assertEquals(prediction.status, "succeeded");
    assertEquals(prediction.input.seed, "7");
    assert(prediction.output[0].startsWith("data:image/png;base64,iVBORw0KGgo"));
    assert(prediction.metrics.predict_time >= 0 && prediction.completed_at !== null);
  });

  it("answers at once when that is preferred, and can be looked up", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    const response = await app.request("/predictions", post({ input }, prefer("respond-async")));
    assertEquals(response.status, 202);
    const { id, status, urls } = await response.json();
    assert(["starting", "processing"].includes(status));
    const second = await app.request("/predictions", post({ input }, prefer("respond-async")));
    assertEquals((await second.json()).queue_position, 0);
    open();
    const events = await messages(await app.request(new URL(urls.stream).pathname));
    assertEquals(events.at(-1)!.event, "completed");
    const got = await (await app.request(`/predictions/${id}`)).json();
    assertEquals(got.status, "succeeded");
    assertEquals(got.progress, { step: 3, of: 3, eta_ms: 0 });
  });

  it("waits as long as is preferred, then tells how things are", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    const held = await app.request("/predictions", post({ input }, prefer("wait=0")));
    assertEquals([held.status, (await held.json()).output], [202, null]);
    open();
    const whole = await app.request("/predictions", post({ input }, prefer("wait=30")));
    assertEquals((await whole.json()).status, "succeeded");
  });

  it("streams under cog's names of events", async () => {
    const { app } = fakeApp();
    const body = { input: { ...input, previews: 1 } };
    const headers = { accept: "text/event-stream" };
    const events = await messages(await app.request("/predictions", post(body, { headers })));
    assertEquals(events.map(({ event }) => event), [
      "start",
      "metric",
      "preview",
      "metric",
      "metric",
      "output",
      "completed",
    ]);
  });

  it("tells of a failed run in the prediction", async () => {
    const { app } = fakeApp({}, { fail: () => new TypeError("Cannot encode the prompt: no") });
    const prediction = await (await app.request("/predictions", post({ input }))).json();
    assertEquals([prediction.status, prediction.output], ["failed", null]);
    assertEquals(prediction.error, "Cannot encode the prompt: no");
  });

  it("says which field is wrong", async () => {
    const { app } = fakeApp();
    const wrong: [object, string][] = [
      [{}, "input"],
      [{ input: [] }, "input"],
      [{ input: { prompt: "a", num_inference_steps: 151 } }, "input.num_inference_steps"],
      [{ input: { prompt: "a", width: 60 } }, "input.width"],
      [{ input: { prompt: "a", image: "http://169.254.169.254/" } }, "input.image"],
      [{ input: { prompt: "a", image: "data:image/png;base64,?" } }, "input.image"],
      [{ input: { prompt: "a", strength: 1 } }, "input.strength"],
      [{ input: { prompt: "a" }, version: "none" }, "version"],
      [{ input: { prompt: "a" }, webhook: "https://example.com" }, "webhook"],
      [{ input: { prompt: "a" }, id: "../x" }, "id"],
    ];
    for (const [body, field] of wrong) {
      const response = await app.request("/predictions", post(body));
      const problem = await response.json();
      assertEquals([response.status, problem.status], [response.status, response.status]);
      assertEquals([response.status < 500, problem.field], [true, field]);
    }
  });
});

describe("PUT /predictions/ID", () => {
  it("makes the images once, however often it is asked at once", async () => {
    const { app, engine } = fakeApp();
    const put = () => app.request("/predictions/mine", post({ input }, { method: "PUT" }));
    const replies = await Promise.all(Array.from({ length: 100 }, put));
    const predictions = await Promise.all(replies.map((reply) => reply.json()));
    assertEquals(new Set(predictions.map(({ output }) => output[0])).size, 1);
    assertEquals(engine.begun.length, 1);
    assertEquals((await (await put()).json()).output, predictions[0].output, "and afterwards");
    assertEquals(engine.begun.length, 1);
  });
});

describe("PUT /predictions/ID of another request or key", () => {
  it("is refused for another request, and is another prediction for another key", async () => {
    const keys = [{ name: "ann", key: "key-of-ann" }, { name: "bob", key: "key-of-bob" }];
    const { app, engine } = fakeApp({ auth: { keys } });
    const put = async (key: string, body: object) => {
      const headers = { authorization: `Bearer ${key}` };
      const reply = await app.request("/predictions/mine", post(body, { method: "PUT", headers }));
      return [reply.status, (await reply.json()).title];
    };
    assertEquals(await put("key-of-ann", { input }), [200, undefined]);
    assertEquals(await put("key-of-ann", { input }), [200, undefined]);
    const other = { input: { ...input, prompt: "a dog" } };
    assertEquals(await put("key-of-ann", other), [422, "id_reused"]);
    assertEquals(await put("key-of-bob", other), [200, undefined]);
    assertEquals(engine.begun.length, 2);
  });
});

describe("POST /predictions/ID/cancel", () => {
  it("ends the run before its next step", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    const started = await app.request("/predictions", post({ input }, prefer("respond-async")));
    const { id } = await started.json();
    const canceled = await app.request(`/predictions/${id}/cancel`, { method: "POST" });
    assertEquals((await canceled.json()).status, "canceled");
    open();
    assertEquals(engine.steps, 0);
    assertEquals((await (await app.request(`/predictions/${id}`)).json()).status, "canceled");
  });
});

describe("GET /predictions/ID", () => {
  it("knows nothing of others' predictions", async () => {
    const keys = [{ name: "ann", key: "key-of-ann" }, { name: "bob", key: "key-of-bob" }];
    const { app } = fakeApp({ auth: { keys } });
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const mine = await (await app.request("/predictions", post({ input }, as("key-of-ann"))))
      .json();
    const path = `/predictions/${mine.id}`;
    assertEquals((await app.request(path, as("key-of-ann"))).status, 200);
    assertEquals((await app.request(path, as("key-of-bob"))).status, 404);
    const cancel = { ...as("key-of-bob"), method: "POST" };
    assertEquals((await app.request(`${path}/cancel`, cancel)).status, 404);
    const put = post({ input }, { ...as("key-of-bob"), method: "PUT" });
    const own = await app.request(path, put); // an id is its key's
    assertEquals([own.status, (await own.json()).status], [200, "succeeded"]);
    assertEquals((await app.request("/predictions/none", as("key-of-bob"))).status, 404);
  });

  it("says 410 when the result is no longer kept", async () => {
    const { app } = fakeApp({ limits: { resultTtlMs: 1 } });
    const { id } = await (await app.request("/predictions", post({ input }))).json();
    let status = 200;
    await until(async () => {
      status = (await app.request(`/predictions/${id}`)).status;
      return status !== 200;
    });
    assertEquals(status, 410);
  });
});
