import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp, messages, post } from "../../tests/app.ts";

const GENERATE = "/v1/images/generations";

describe("POST /v1/images/generations", () => {
  it("answers with the images in base64 and their recipes", async () => {
    const { app } = fakeApp();
    const response = await app.request(GENERATE, post({ prompt: "a cat", n: 2, seed: 7 }));
    assertEquals(response.status, 200);
    const { data, size, output_format } = await response.json();
    assertEquals([data.length, size, output_format], [2, "64x64", "png"]);
    assertEquals(data.map((item: { recipe: { seed: string } }) => item.recipe.seed), ["7", "8"]);
    assert(data[0].b64_json.startsWith("iVBORw0KGgo"));
  });

  it("answers with addresses, where the images can be fetched", async () => {
    const { app } = fakeApp();
    const body = { prompt: "a cat", response_format: "url" };
    const { data } = await (await app.request(GENERATE, post(body))).json();
    const fetched = await app.request(data[0].url);
    assertEquals(fetched.headers.get("cross-origin-resource-policy"), "cross-origin");
    assertEquals([fetched.status, fetched.headers.get("content-type")], [200, "image/png"]);
    assertEquals((await fetched.arrayBuffer()).byteLength > 60, true);
    const unsigned = await app.request(new URL(data[0].url).pathname);
    assertEquals(unsigned.status, 404);
  });

  it("takes null for every optional field, and tells of fields that it does not know", async () => {
    const { app } = fakeApp();
    const names = ["model", "n", "size", "seed", "stream", "scheduler", "quality", "user"];
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    const response = await app.request(GENERATE, post({ ...nulls, prompt: "a cat", odd: "x" }));
    assertEquals(response.status, 200);
    assertEquals((await response.json()).warnings, [
      "odd was ignored: there is no such field",
    ]);
  });

  it("streams partial images under OpenAI's names, steps when asked for", async () => {
    const { app } = fakeApp();
    const body = { prompt: "a cat", stream: true, partial_images: 2, num_inference_steps: 3 };
    const plain = await messages(await app.request(GENERATE, post(body)));
    const partial = "image_generation.partial_image";
    assertEquals(plain.map(({ event }) => event), [
      partial,
      partial,
      "image_generation.completed",
    ]);
    assertEquals(plain.map(({ data }) => data["type"]), plain.map(({ event }) => event));
    assertEquals(plain[1]!.data["partial_image_index"], 1);
    const events = await messages(await app.request(GENERATE, post({ ...body, progress: true })));
    const steps = events.filter(({ event }) => event === "image_generation.step");
    assertEquals(steps.map(({ data }) => [data["step"], data["of"]]), [[1, 3], [2, 3], [3, 3]]);
  });

  it("tells of a run that fails on the way as an event", async () => {
    const { app } = fakeApp({}, {
      fail: (_, step) => step === 2 ? new Error("/etc/x") : undefined,
    });
    const body = { prompt: "a cat", stream: true, partial_images: 1 };
    const events = await messages(await app.request(GENERATE, post(body)));
    const last = events.at(-1)!;
    assertEquals(last.event, "error");
    const error = last.data["error"] as { code: string; message: string };
    assertEquals(error.code, "internal");
    assert(!error.message.includes("/etc"));
  });

  it("says which field is wrong, what it must be, and what was found", async () => {
    const { app } = fakeApp();
    const wrong: [object, string, string][] = [
      [{ prompt: 5 }, "prompt", "must be a text of at most 8000 bytes"],
      [{ prompt: "x".repeat(8001) }, "prompt", "at most 8000 bytes"],
      [{ prompt: "é".repeat(4001) }, "prompt", "at most 8000 bytes"],
      [{}, "prompt", "is missing"],
      [{ prompt: "a", n: 0 }, "n", "must be an integer from 1 to 10"],
      [{ prompt: "a", n: 11 }, "n", "must be an integer from 1 to 10"],
      [{ prompt: "a", n: 1.5 }, "n", "must be an integer from 1 to 10"],
      [{ prompt: "a", num_inference_steps: 0 }, "num_inference_steps", "from 1 to 150"],
      [{ prompt: "a", num_inference_steps: 151 }, "num_inference_steps", "from 1 to 150"],
      [{ prompt: "a", guidance_scale: "7" }, "guidance_scale", "must be a number from 0 to 100"],
      [{ prompt: "a", size: "big" }, "size", "512x512"],
      [{ prompt: "a", size: "65x64" }, "size", "multiple of 8"],
      [{ prompt: "a", size: "2056x64" }, "size", "to 2048"],
      [{ prompt: "a", size: "520x512" }, "size", "262144 at most with this model"],
      [{ prompt: "a", size: "264x256", n: 10 }, "size", "655360 at most with this model"],
      [{ prompt: "a", seed: -1 }, "seed", "must be an integer from 0"],
      [{ prompt: "a", seed: "18446744073709551616" }, "seed", "must be an integer from 0"],
      [{ prompt: "a", scheduler: "Magic" }, "scheduler", "EulerDiscreteScheduler"],
      [{ prompt: "a", output_format: "gif" }, "output_format", '"jpeg" or "webp"'],
      [{ prompt: "a", output_compression: 50 }, "output_compression", '"jpeg" or "webp"'],
      [{ prompt: "a", background: "transparent" }, "background", '"auto" or "opaque"'],
      [{ prompt: "a", mask: "x" }, "mask", "/v1/images/edits"],
      [{ prompt: "a", model: "dall-e-3" }, "model", "fake does text-to-image"],
    ];
    for (const [body, param, message] of wrong) {
      const response = await app.request(GENERATE, post(body));
      const { error } = await response.json();
      assertEquals([response.status < 500 && response.status >= 400, error.param], [true, param]);
      assert(error.message.includes(message), `${error.message} should say ${message}`);
    }
  });

  it("takes the ends of every range", async () => {
    const { app } = fakeApp();
    const right = [
      { n: 1, num_inference_steps: 1, size: "8x2048", guidance_scale: 0, seed: 0 },
      { n: 10, num_inference_steps: 150, size: "256x256", guidance_scale: 100 },
      { size: "512x512", n: 2, seed: "18446744073709551615", scheduler: "euler" },
      { size: "auto", seed: 2 ** 53 - 1, scheduler: "EulerDiscreteScheduler" },
    ];
    for (const body of right) {
      const response = await app.request(GENERATE, post({ prompt: "x".repeat(8000), ...body }));
      assertEquals(response.status, 200, await response.text());
    }
  });

  it("refuses a body that is no JSON, no object, of another type, or too large", async () => {
    const { app } = fakeApp();
    const json = { "content-type": "application/json" };
    const send = async (body: BodyInit, headers: Record<string, string> = json) => {
      const response = await app.request(GENERATE, { method: "POST", body, headers });
      const { error } = await response.json();
      return [response.status, error.code];
    };
    assertEquals(await send("{"), [400, "invalid_input"]);
    assertEquals(await send("[1]"), [400, "invalid_input"]);
    assertEquals(await send("null"), [400, "invalid_input"]);
    assertEquals(await send("[".repeat(60)), [400, "invalid_input"]);
    assertEquals(await send("[".repeat(100_000)), [413, "payload_too_large"]);
    assertEquals(await send("a=b", { "content-type": "text/plain" }), [
      415,
      "unsupported_media_type",
    ]);
    assertEquals(await send(" ".repeat(1_000_001)), [413, "payload_too_large"]);
    const short = { ...json, "content-length": "1" };
    assertEquals(await send(" ".repeat(1_000_001), short), [413, "payload_too_large"]);
    const pieces = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
    });
    assertEquals(await send(pieces), [413, "payload_too_large"]);
  });
});

describe("POST /v1/images/edits", () => {
  const file = new Blob([Uint8Array.of(1, 2, 3)], { type: "image/png" });

  function form(fields: Record<string, string | Blob>): RequestInit {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    return { method: "POST", body };
  }

  it("inpaints what the mask covers, else changes the whole image", async () => {
    const { app, engine } = fakeApp();
    const fields = { prompt: "a cat", n: "2", strength: "0.5", num_inference_steps: "3" };
    for (const extra of [{ image: file }, { "image[]": file, mask: file }]) {
      const response = await app.request("/v1/images/edits", form({ ...fields, ...extra }));
      assertEquals(response.status, 200, await response.text());
    }
    const [whole, part] = engine.begun;
    assertEquals([whole!.task, part!.task], ["image-to-image", "inpaint"]);
    const { image, strength, count, steps } = whole!.input;
    assertEquals([image?.length, strength, count, steps], [3, 0.5, 2, 3]);
    assertEquals(part!.input.mask?.length, 3);
  });

  it("says what is missing or wrong", async () => {
    const { app } = fakeApp();
    const wrong: [Record<string, string | Blob>, string][] = [
      [{ prompt: "a" }, "image"],
      [{ prompt: "a", image: "text" }, "image"],
      [{ prompt: "a", image: file, strength: "2" }, "strength"],
      [{ prompt: "a", image: file, strength: "much" }, "strength"],
      [{ image: file }, "prompt"],
    ];
    for (const [fields, param] of wrong) {
      const response = await app.request("/v1/images/edits", form(fields));
      const { error } = await response.json();
      assertEquals([response.status, error.param], [400, param]);
    }
  });

  it("says where images are sent, of a model that begins with one", async () => {
    const { app } = fakeApp({}, { info: { tasks: ["image-to-image"] } });
    const response = await app.request("/v1/images/generations", post({ prompt: "a hat" }));
    const { error } = await response.json();
    assertEquals([response.status, error.param], [400, "image"]);
    assertStringIncludes(error.message, "fake does image-to-image, which begins with an image");
    assertStringIncludes(error.message, "/v1/images/edits");
  });

  it("takes several images where the model reads them together, and no more", async () => {
    const send = async (count: number, images: number | undefined, name = "image[]") => {
      const { app, engine } = fakeApp({}, images === undefined ? {} : { images });
      const body = new FormData();
      body.append("prompt", "a cat");
      for (let i = 0; i < count; i++) body.append(name, new Blob([Uint8Array.of(...Array(i + 1))]));
      const response = await app.request("/v1/images/edits", { method: "POST", body });
      return { status: response.status, json: await response.json(), engine };
    };
    for (const name of ["image[]", "image"]) {
      const { status, engine } = await send(3, 3, name);
      const { image, moreImages } = engine.begun[0]!.input;
      assertEquals(status, 200);
      assertEquals([image, ...moreImages!].map((file) => file!.length), [1, 2, 3]);
    }
    assertEquals((await send(1, 3)).engine.begun[0]!.input.moreImages, undefined);
    assertEquals((await send(16, 16)).status, 200);
    const refused: [number, number | undefined, string][] = [
      [2, undefined, "fake reads one image"],
      [4, 3, "fake reads at most 3 images together"],
      [17, 20, "give at most 16"],
    ];
    for (const [count, images, message] of refused) {
      const { status, json: { error } } = await send(count, images);
      assertEquals([status, error.param], [400, "image"]);
      assert(error.message.includes(message), error.message);
    }
  });

  it("refuses files and forms that are too large", async () => {
    const { app } = fakeApp();
    const send = async (bytes: number) => {
      const image = new Blob([new Uint8Array(bytes)]);
      const response = await app.request("/v1/images/edits", form({ prompt: "a", image }));
      const { error } = await response.json();
      return [response.status, error.code, error.param];
    };
    assertEquals(await send(20_000_001), [413, "payload_too_large", "image"]);
    assertEquals(await send(32_000_001), [413, "payload_too_large", null]);
  });

  it("refuses a form that is none", async () => {
    const { app } = fakeApp();
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const init = { method: "POST", body: "--y\r\n", headers };
    assertEquals((await app.request("/v1/images/edits", init)).status, 400);
  });

  it("makes variations without a text", async () => {
    const { app, engine } = fakeApp();
    const response = await app.request("/v1/images/variations", form({ image: file, n: "1" }));
    assertEquals(response.status, 200, await response.text());
    const { task, input } = engine.begun[0]!;
    assertEquals([task, input.prompt, input.strength], ["image-to-image", "", 0.6]);
  });
});

describe("GET /v1/models, /v1/schedulers and /v1/capabilities", () => {
  it("tell what a client can offer", async () => {
    const { app } = fakeApp();
    const get = async (path: string) => await (await app.request(path)).json();
    assertEquals((await get("/v1/models")).data[0].id, "fake");
    assertEquals((await get("/v1/models/fake")).object, "model");
    assertEquals((await app.request("/v1/models/none")).status, 404);
    const names = (await get("/v1/schedulers")).data.map(({ id }: { id: string }) => id);
    assert(names.includes("EulerDiscreteScheduler"));
    const { limits, models } = await get("/v1/capabilities");
    assertEquals([limits.steps, models[0].width], [150, 64]);
  });
});
