/**
 * Unchanged clients, over a real connection: only base address and key are set.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { InferenceClient, OpenAI, Replicate, toFile } from "../../tests/support/clients.ts";
import { pythonPackages } from "../../tests/support/python_programs.ts";
import { listen } from "../http/listen.ts";
import { fakeApp } from "../tests/app.ts";
import type { FakeEngine } from "../tests/fake_engine.ts";

const KEY = "a-key-for-tests";
const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

/** A server over a fake engine, for the time of a test. */
async function serving(
  test: (url: string, engine: FakeEngine) => Promise<void>,
  options: Parameters<typeof fakeApp>[0] = {},
  engineOptions: Parameters<typeof fakeApp>[1] = {},
): Promise<void> {
  const auth = { keys: [{ name: "test", key: KEY }] };
  const { app, engine } = fakeApp({ auth, ...options }, engineOptions);
  const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
  try {
    await test(server.url, engine);
  } finally {
    await app.drain(0);
    await server.close();
  }
}

describe("openai", () => {
  const client = (url: string, options = {}) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, ...options });

  it("generates, with extra fields beside its own", async () => {
    await serving(async (url, engine) => {
      const { data } = await client(url).images.generate(
        { prompt: "a cat", n: 2, size: "256x256", ...{ seed: 3, num_inference_steps: 2 } },
      );
      assertEquals(
        data!.map(({ b64_json }) => b64_json!.slice(0, 11)),
        Array(2).fill("iVBORw0KGgo"),
      );
      assertEquals([engine.begun[0]!.input.seed, engine.begun[0]!.owner], ["3", "test"]);
    });
  });

  it("streams partial images", async () => {
    await serving(async (url) => {
      const stream = await client(url).images.generate({
        prompt: "a cat",
        stream: true,
        partial_images: 2,
      });
      const types: string[] = [];
      for await (const { type } of stream) types.push(type);
      const partial = "image_generation.partial_image";
      assertEquals(types, [partial, partial, "image_generation.completed"]);
    });
  });

  it("edits with and without a mask, makes variations, lists models", async () => {
    await serving(async (url, engine) => {
      const api = client(url);
      const image = await toFile(PNG, "image.png", { type: "image/png" });
      await api.images.edit({ image, prompt: "a cat" });
      await api.images.edit({ image: [image], mask: image, prompt: "a cat", n: 1 });
      await api.images.createVariation({ image });
      const tasks = ["image-to-image", "inpaint", "image-to-image"];
      assertEquals(engine.begun.map(({ task }) => task), tasks);
      const ids: string[] = [];
      for await (const { id } of api.models.list()) ids.push(id);
      assertEquals(ids, ["fake"]);
    });
  });

  it("asks for a model under another name, and for WebP", async () => {
    await serving(async (url, engine) => {
      const { data } = await client(url).images.generate(
        {
          model: "gpt-image-1-mini",
          prompt: "a cat",
          output_format: "webp",
          output_compression: 60,
        },
      );
      assertEquals(data!.length, 1);
      const { model, input } = engine.begun[0]!;
      assertEquals([model, input.format, input.quality], ["fake", "webp", 60]);
      const other = () => client(url).images.generate({ model: "dall-e-3", prompt: "a cat" });
      const error = await assertRejects(other, OpenAI.NotFoundError);
      assertEquals(error.param, "model");
      const asUrl = await client(url).images.generate(
        { prompt: "a cat", output_format: "webp", response_format: "url" },
      );
      const file = await fetch(asUrl.data![0]!.url!);
      await file.body?.cancel();
      assertEquals([file.status, file.headers.get("content-type")], [200, "image/webp"]);
    }, { modelAliases: { "gpt-image-*": "fake" } });
  });

  it("learns what is wrong, with field, code and request id", async () => {
    await serving(async (url) => {
      const error = await assertRejects(() => client(url).images.generate({ prompt: "a", n: 99 }));
      assert(error instanceof OpenAI.BadRequestError);
      assertEquals([error.param, error.code], ["n", "invalid_input"]);
      assert(error.requestID);
      const wrong = client(url, { apiKey: "wrong" });
      const refused = await assertRejects(() => wrong.images.generate({ prompt: "a" }));
      assert(refused instanceof OpenAI.AuthenticationError);
    });
  });

  it("asks again when the queue was full, after the time that the answer names", async () => {
    await serving(async (url, engine) => {
      const open = engine.hold();
      const requests = Array.from(
        { length: 65 },
        () => client(url).images.generate({ prompt: "a" }),
      );
      while ((await (await fetch(`${url}/livez`)).json()).status && engine.begun.length === 0);
      const late = client(url).images.generate({ prompt: "late" });
      open();
      assertEquals((await Promise.all([...requests, late])).length, 66);
    });
  });
});

describe("@huggingface/inference", () => {
  it("makes images from text and from images", async () => {
    await serving(async (url, engine) => {
      const client = new InferenceClient(KEY, { endpointUrl: url });
      const parameters = { num_inference_steps: 2, seed: 5 };
      const blob = await client.textToImage(
        { inputs: "a cat", parameters },
        { outputType: "blob" },
      ) as unknown as Blob;
      assertEquals([blob.type, new Uint8Array(await blob.arrayBuffer())[1]], ["image/png", 0x50]);
      const inputs = new Blob([PNG], { type: "image/png" });
      await client.imageToImage({ inputs });
      await client.imageToImage({ inputs, parameters: { prompt: "a dog" } });
      const asked = engine.begun.map(({ task, input }) => [task, input.prompt]);
      assertEquals(asked, [
        ["text-to-image", "a cat"],
        ["image-to-image", ""],
        ["image-to-image", "a dog"],
      ]);
    });
  });

  it("learns what is wrong", async () => {
    await serving(async (url) => {
      const client = new InferenceClient(KEY, { endpointUrl: url });
      const parameters = { num_inference_steps: 0 };
      const call = () => client.textToImage({ inputs: "a cat", parameters });
      const error = await assertRejects(call) as Error & { httpResponse?: { body?: unknown } };
      assert(JSON.stringify([error.message, error.httpResponse?.body]).includes("from 1 to 150"));
    });
  });
});

describe("replicate", () => {
  it("uploads files, and learns at once of what has begun", async () => {
    await serving(async (url, engine) => {
      const client = new Replicate({ auth: KEY, baseUrl: `${url}/v1`, useFileOutput: false });
      const image = new Blob([PNG], { type: "image/png" });
      const output = await client.run("denoise/fake", { input: { prompt: "a cat", image } });
      assert((output as string[])[0]!.startsWith("data:image/png;base64,"));
      assertEquals(engine.begun[0]!.input.image, PNG);
      const open = engine.hold();
      const created = await client.predictions.create({ version: "fake", input: { prompt: "a" } });
      assert(["starting", "processing"].includes(created.status));
      assertEquals((await client.predictions.cancel(created.id)).status, "canceled");
      open();
      assertEquals((await client.models.get("denoise", "fake")).latest_version!.id, "fake");
      const file = await client.files.create(image);
      assertEquals((await client.files.get(file.id)).size, PNG.length);
      assert(await client.files.delete(file.id));
      const gone = client.run("denoise/fake", { input: { prompt: "a", image: file.urls.get } });
      await assertRejects(() => gone, Error, "no longer, kept");
    });
  });

  it("runs a model, and polls a prediction to its end", async () => {
    await serving(async (url, engine) => {
      const client = new Replicate({ auth: KEY, baseUrl: url, useFileOutput: false });
      const input = { prompt: "a cat", num_inference_steps: 2 };
      const output = await client.run("denoise/fake", { input }) as string[];
      assert(output[0]!.startsWith("data:image/png;base64,"));
      const created = await client.predictions.create({ version: "fake", input });
      const ended = await client.wait(created, { interval: 5 });
      assertEquals(ended.status, "succeeded");
      const open = engine.hold();
      const held = await client.predictions.create({ version: "fake", input, wait: 1 });
      assertEquals((await client.predictions.cancel(held.id)).status, "canceled");
      open();
    });
  });
});

describe("clients of A1111", () => {
  it("log in with a user and the key as password", async () => {
    await serving(async (url) => {
      const ask = async (user: string, password: string) => {
        const authorization = `Basic ${btoa(`${user}:${password}`)}`;
        const response = await fetch(`${url}/sdapi/v1/options`, { headers: { authorization } });
        await response.body?.cancel();
        return response.status;
      };
      assertEquals(await ask("anyone", KEY), 200);
      assertEquals(await ask("", KEY), 200);
      assertEquals([await ask(KEY, ""), await ask("anyone", "wrong")], [401, 401]);
      for (const authorization of ["Basic ?", `Basic ${btoa("no colon")}`, `Basic ${KEY}`]) {
        const response = await fetch(`${url}/sdapi/v1/options`, { headers: { authorization } });
        await response.body?.cancel();
        assertEquals(response.status, 401, authorization);
      }
    });
  });
});

describe("webuiapi of Python", () => {
  it("logs in, draws, edits, looks at progress and interrupts", async () => {
    const python = await pythonPackages("webuiapi", ["webuiapi==0.9.17"], ["webuiapi"]);
    if (python === undefined) return;
    await serving(
      async (url, engine) => {
        const program = `
import sys, threading, time, webuiapi
from PIL import Image
from urllib.parse import urlparse
address = urlparse(sys.argv[1])
api = webuiapi.WebUIApi(host=address.hostname, port=address.port, sampler="Euler a", steps=4)
print(api.get_options()["error"])
api.set_auth("anyone", sys.argv[2])
print(api.util_get_current_model(), api.get_sd_vae(), api.get_prompt_styles(), api.get_face_restorers())
api.util_set_model("fake")
print(api.txt2img(prompt="a cat", seed=1).info["seed"])
image, mask = Image.new("RGB", (64, 64)), Image.new("L", (64, 64), 255)
print(api.img2img(images=[image], prompt="b", cfg_scale=6.5, denoising_strength=0.6).image.format)
print(api.img2img(images=[image], mask_image=mask, inpainting_fill=1, prompt="b").image.format)
def interrupt():
    while api.get_progress()["state"]["job_count"] == 0: time.sleep(0.01)
    api.interrupt()
thread = threading.Thread(target=interrupt)
thread.start()
print(len(api.txt2img(prompt="long", steps=150).images) <= 1)
thread.join()
`;
        const { output } = await python.run("python", ["-c", program, url, KEY], 300_000);
        const said = output.trim().split("\n").filter((line) =>
          !/^(loading|model changed)/.test(line)
        );
        assertEquals(said, ["unauthorized", "fake [] [] []", "1", "PNG", "PNG", "True"], output);
        const tasks = ["text-to-image", "image-to-image", "inpaint", "text-to-image"];
        assertEquals(engine.begun.map(({ task }) => task), tasks);
        assertEquals(engine.begun[0]!.input.scheduler, "EulerAncestralDiscreteScheduler");
        assert(engine.steps < 150);
      },
      {},
      { stepMs: 20 },
    );
  });
});

/** Python with huggingface_hub, where there is one. */
const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");

describe("huggingface_hub", () => {
  it("makes images from text and from images", { ignore: python === undefined }, async () => {
    await serving(async (url, engine) => {
      const program = `
import base64, io, sys
from huggingface_hub import InferenceClient
client = InferenceClient(model=sys.argv[1], token=sys.argv[2])
print(client.text_to_image("a cat", num_inference_steps=2, seed=3).format)
image = base64.b64decode(sys.argv[3])
print(client.image_to_image(image, prompt="a dog").format)
print(client.image_to_image(image).format)
`;
      const { stdout, stderr } = await new Deno.Command(python!, {
        args: ["-c", program, url, KEY, PNG.toBase64()],
      }).output();
      const printed = new TextDecoder().decode(stdout).trim().split("\n");
      assertEquals(printed, ["PNG", "PNG", "PNG"], new TextDecoder().decode(stderr));
      assertEquals(engine.begun.map(({ input }) => input.prompt), ["a cat", "a dog", ""]);
    });
  });
});

/** Python with replicate: the reference's, or another. */
const replicatePython = Deno.env.get("DENOISE_REPLICATE_PYTHON") ?? python;
const hasReplicate = replicatePython !== undefined &&
  (await new Deno.Command(replicatePython, { args: ["-c", "import replicate"], stderr: "null" })
    .output()).success;

describe("replicate of Python", () => {
  it("runs, uploads, looks at models, waits and cancels", { ignore: !hasReplicate }, async () => {
    await serving(
      async (url, engine) => {
        const program = `
import base64, io, sys
from replicate.client import Client
client = Client(api_token=sys.argv[2], base_url=sys.argv[1])
image = io.BytesIO(base64.b64decode(sys.argv[3]))
print(client.run("denoise/fake", input={"prompt": "a cat", "image": image})[0].read()[1:4])
print(client.run("denoise/fake:fake", input={"prompt": "a dog"})[0].read()[1:4])
print(client.models.get("denoise/fake").latest_version.id)
prediction = client.predictions.create(version="fake", input={"prompt": "a bird", "num_inference_steps": 150})
print(prediction.status in ("starting", "processing"))
prediction.cancel()
prediction.wait()
print(prediction.status)
image.seek(0)
print(len(client.files.get(client.files.create(image).id).urls["get"]) > 0)
try:
    client.run("denoise/fake", input={"prompt": "a", "width": 3})
except Exception as error:
    print("input.width" in str(error))
`;
        const { stdout, stderr } = await new Deno.Command(replicatePython!, {
          args: ["-c", program, url, KEY, PNG.toBase64()],
        }).output();
        const printed = new TextDecoder().decode(stdout).trim().split("\n");
        const expected = ["b'PNG'", "b'PNG'", "fake", "True", "canceled", "True", "True"];
        assertEquals(printed, expected, new TextDecoder().decode(stderr));
        assertEquals(engine.begun[0]!.input.image, PNG);
      },
      {},
      { stepMs: 20 },
    );
  });
});
