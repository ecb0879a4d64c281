import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp, post } from "../tests/app.ts";

const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

describe("POST /", () => {
  it("answers with the bytes of an image", async () => {
    const { app, engine } = fakeApp();
    const parameters = { num_inference_steps: 2, width: 32, height: 16, negative_prompt: "dog" };
    const response = await app.request("/", post({ inputs: "a cat", parameters }));
    assertEquals([response.status, response.headers.get("content-type")], [200, "image/png"]);
    assertEquals(new Uint8Array(await response.arrayBuffer())[1], 0x50);
    const { prompt, steps, width, height, negativePrompt } = engine.begun[0]!.input;
    assertEquals([prompt, steps, width, height, negativePrompt], ["a cat", 2, 32, 16, "dog"]);
  });

  it("gives JPEG to who accepts that", async () => {
    const { app } = fakeApp();
    const headers = { accept: "image/jpeg" };
    const response = await app.request("/", post({ inputs: "a cat" }, { headers }));
    assertEquals(response.headers.get("content-type"), "image/jpeg");
    await response.body?.cancel();
  });

  it("takes an image as the body, or in base64 with parameters", async () => {
    const { app, engine } = fakeApp();
    const raw = { method: "POST", body: PNG, headers: { "content-type": "image/png" } };
    await (await app.request("/", raw)).body?.cancel();
    const inputs = PNG.toBase64();
    const parameters = { prompt: "a dog", strength: 0.4 };
    await (await app.request("/", post({ inputs, parameters }))).body?.cancel();
    assertEquals(engine.begun.map(({ task }) => task), ["image-to-image", "image-to-image"]);
    const [first, second] = engine.begun.map(({ input }) => input);
    assertEquals([first!.image?.length, first!.prompt], [PNG.length, ""]);
    assertEquals([second!.prompt, second!.strength], ["a dog", 0.4]);
  });

  it("takes an image that says no type by its first bytes, and any accepted format", async () => {
    const { app, engine } = fakeApp();
    const bytes = new Request("http://x", { method: "POST", body: PNG });
    bytes.headers.delete("content-type");
    const response = await app.request("/", { method: "POST", body: PNG, headers: bytes.headers });
    assertEquals(response.status, 200, await response.clone().text());
    assertEquals(engine.begun[0]!.input.image, PNG);
    const words = new TextEncoder().encode('{"inputs": "a cat"}');
    const text = await app.request("/", { method: "POST", body: words, headers: bytes.headers });
    assertEquals([text.status, engine.begun[1]!.input.prompt], [200, "a cat"]);
    const noise = await app.request("/", {
      method: "POST",
      body: Uint8Array.of(1, 2, 3),
      headers: bytes.headers,
    });
    assertEquals(noise.status, 400);
    const accept = { accept: "image/webp" };
    const webp = await app.request("/", post({ inputs: "a" }, { headers: accept }));
    assertEquals(webp.headers.get("content-type"), "image/webp");
  });

  it("says what is wrong as a text", async () => {
    const { app } = fakeApp();
    const wrong: [object, number, string][] = [
      [{}, 400, "inputs is missing"],
      [{ inputs: "a", parameters: { width: 30 } }, 400, "parameters.width"],
      [{ inputs: "x".repeat(8001) }, 400, "inputs must be a text of at most 8000 bytes"],
      [{ inputs: "not base64!", parameters: { prompt: "a" } }, 400, "base64"],
    ];
    for (const [body, status, message] of wrong) {
      const response = await app.request("/", post(body));
      const { error } = await response.json();
      assertEquals(response.status, status, error);
      assert(error.includes(message), error);
    }
    assertEquals((await app.request("/models/no/such", post({ inputs: "a" }))).status, 404);
  });

  it("holds requests while the models load, and says 504 when that takes too long", async () => {
    const { app, engine } = fakeApp({}, { ready: false });
    const waiting = app.request("/", post({ inputs: "a cat" }));
    engine.becomeReady();
    const response = await waiting;
    assertEquals(response.status, 200);
    await response.body?.cancel();
    const slow = fakeApp({ limits: { jobTimeoutMs: 5 } }, { ready: false }).app;
    assertEquals((await slow.request("/", post({ inputs: "a cat" }))).status, 504);
  });

  it("holds as many as may wait in the queue", async () => {
    const { app, engine } = fakeApp({}, { ready: false });
    const ask = () => app.request("/", post({ inputs: "a cat" }));
    const held = Array.from({ length: 64 }, ask);
    assertEquals((await ask()).status, 429);
    engine.becomeReady();
    const statuses = (await Promise.all(held)).map(({ status }) => status);
    assertEquals(new Set(statuses), new Set([200]));
  });

  it("never says 503, which a client would answer with another request at once", async () => {
    const { app, engine } = fakeApp({}, { ready: false });
    engine.fail();
    assertEquals((await app.request("/", post({ inputs: "a cat" }))).status, 500);
    const draining = fakeApp();
    await draining.app.drain(0);
    assertEquals((await draining.app.request("/", post({ inputs: "a cat" }))).status, 500);
  });
});
