import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Replicate } from "../../../tests/support/clients.ts";
import { memoryStore } from "../../storage/memory_store.ts";
import { fakeApp, post } from "../../tests/app.ts";
import { until } from "../../../tests/support/until.ts";

const keys = [{ name: "ann", key: "key-of-ann" }, { name: "bob", key: "key-of-bob" }];
const as = (key: string) => ({ headers: { authorization: `Bearer key-of-${key}` } });

async function make(app: ReturnType<typeof fakeApp>["app"], id: string, key: string) {
  const response = await app.request(`/predictions/${id}`, {
    ...post({ input: { prompt: id, num_inference_steps: 1 } }, as(key)),
    method: "PUT",
  });
  assertEquals(response.status, 200, await response.text());
}

describe("GET /predictions", () => {
  it("has the key's own, a hundred a page, the newest first", async () => {
    const { app } = fakeApp({ auth: { keys } });
    const ids = Array.from({ length: 201 }, (_, i) => `p-${i}`);
    for (const id of ids) await make(app, id, "ann");
    await make(app, "of-bob", "bob");
    const page = async (url: string) => await (await app.request(url, as("ann"))).json();
    const first = await page("/v1/predictions");
    const idsOf = ({ results }: { results: { id: string }[] }) => results.map(({ id }) => id);
    assertEquals(idsOf(first), ids.slice(-100).reverse());
    assertEquals([first.previous, first.results[0].output], [null, null]);
    const second = await page(first.next);
    const third = await page(second.next);
    assertEquals([idsOf(second).length, idsOf(third), third.next], [100, ["p-0"], null]);
    assertEquals(idsOf(await page(third.previous)), idsOf(second));
    assertEquals(idsOf(await page(second.previous)), idsOf(first));
    assertEquals(idsOf(await (await app.request("/predictions", as("bob"))).json()), ["of-bob"]);
    for (const cursor of ["%F0", "b2YtYm9i", "x"]) {
      const wrong = await app.request(`/predictions?cursor=${cursor}`, as("ann"));
      assertEquals([wrong.status, (await wrong.json()).field], [400, "cursor"]);
    }
  });

  it("has addresses where results are stored, and is what Replicate's client reads", async () => {
    const { app } = fakeApp({ auth: { keys }, storage: memoryStore() });
    await make(app, "one", "ann");
    await make(app, "two", "ann");
    const client = new Replicate({
      auth: "key-of-ann",
      baseUrl: "http://denoise.example/v1",
      fetch: async (url, init) => await app.request(new Request(url, init)),
    });
    const listed = [];
    for await (const results of client.paginate(client.predictions.list)) listed.push(...results);
    assertEquals(listed.map(({ id, status }) => [id, status]), [
      ["two", "succeeded"],
      ["one", "succeeded"],
    ]);
    const [address] = listed[0]!.output as string[];
    const image = await app.request(address!);
    assertEquals(image.headers.get("content-type"), "image/png");
    await image.body?.cancel();
  });
});

describe("Cancel-After and Priority", () => {
  const generate = (headers: Record<string, string>) => post({ prompt: "a cat" }, { headers });

  it("end a run that takes longer than its caller gives it, at every door", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    const headers = { "cancel-after": "1s" };
    const answers = await Promise.all([
      app.request("/v1/images/generations", generate(headers)),
      app.request("/sdapi/v1/txt2img", generate(headers)),
      app.request("/", post({ inputs: "a cat" }, { headers })),
      app.request("/predictions", post({ input: { prompt: "a cat" } }, { headers })),
    ]);
    assertEquals(answers.map(({ status }) => status), [504, 504, 504, 201]);
    const [openai, , , prediction] = await Promise.all(
      answers.map(async (answer) => {
        const text = await answer.text();
        return text.startsWith("{") ? JSON.parse(text) : text;
      }),
    );
    assertEquals(openai.error.code, "expired");
    assertEquals(prediction.status, "canceled", "as Replicate has it");
    open();
    const next = await app.request("/v1/images/generations", generate({ "cancel-after": "2h" }));
    assertEquals((await next.json()).warnings, [
      "Cancel-After was cut to the 600 seconds that the server allows",
    ]);
  });

  it("refuse a time that is none, and read every way to write one", async () => {
    const { app } = fakeApp();
    for (const time of ["0", "-1s", "soon", "1d", "1.5s", "99h99m", "s", "1m1h"]) {
      const wrong = await app.request("/v1/images/generations", generate({ "cancel-after": time }));
      assertEquals([wrong.status, (await wrong.json()).error.param], [400, "Cancel-After"], time);
    }
    for (const time of ["90s", "5m", "1h30m", "1h1m1s", "45"]) {
      const right = await app.request("/v1/images/generations", generate({ "cancel-after": time }));
      assertEquals(right.status, 200, await right.text());
    }
  });

  it("serve what can wait after what cannot", async () => {
    const { app, engine } = fakeApp();
    const open = engine.hold();
    const ask = (seed: number, urgency: string) =>
      app.request(
        "/v1/images/generations",
        post({ prompt: "a cat", seed }, { headers: { priority: urgency } }),
      );
    const asked = [ask(1, "u=3")];
    await until(() => engine.begun.length === 1);
    const waiting = (count: number) =>
      until(async () => {
        const text = await (await app.request("/metrics")).text();
        return new RegExp(`^denoise_queue_depth ${count}$`, "m").test(text);
      });
    asked.push(ask(2, "u=7, i"));
    await waiting(1);
    asked.push(ask(3, "u=5"));
    await waiting(2);
    open();
    for (const answer of await Promise.all(asked)) await answer.body?.cancel();
    assertEquals(engine.begun.map(({ input }) => input.seed), ["1", "3", "2"]);
  });
});
