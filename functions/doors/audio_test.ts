/**
 * Audio at every door that makes it, over real connections with unchanged clients, and at those that
 * make images alone.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, describe, it } from "@std/testing/bdd";
import { isWav } from "@denoise/audio";
import { readWavRecipe, StableAudioPipeline } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { InferenceClient, Replicate } from "../../tests/support/clients.ts";
import { makeFixtures } from "../../tests/support/fixtures.ts";
import { type App, type AppOptions, createApp } from "../app.ts";
import { inlineServingEngine } from "../engine/inline.ts";
import { listen } from "../http/listen.ts";
import { folderStore } from "../storage/folder_store.ts";
import { fakeApp, messages, post } from "../tests/app.ts";
import { FAKE_AUDIO } from "../tests/fake_engine.ts";

const KEY = "a-key-for-tests";
makeFixtures();
const TINY = new URL("../../tests/fixtures/tiny-stable-audio", import.meta.url).pathname;

const engine = inlineServingEngine({
  models: [{ id: "tiny/audio", location: TINY }],
  registry,
  warmup: false,
});

/** A server with a small model of Stable Audio, for the time of a test. */
async function serving(
  test: (url: string, app: App) => Promise<void>,
  options: Partial<AppOptions> = {},
): Promise<void> {
  const app = createApp({ engine, registry, ...options });
  const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
  try {
    await test(server.url, app);
  } finally {
    await app.drain(0);
    await server.close();
  }
}

const bytesOf = (dataUrl: string) => {
  const [head, base64] = dataUrl.split(",");
  assertEquals(head, "data:audio/wav;base64");
  return Uint8Array.fromBase64(base64!);
};

const viewOf = (file: Uint8Array) => new DataView(file.buffer, file.byteOffset);

/** Seconds of a WAV file of 16-bit samples. */
const secondsOf = (file: Uint8Array) =>
  viewOf(file).getUint32(40, true) / viewOf(file).getUint32(28, true);

/** The samples of such a file. */
const samplesOf = (file: Uint8Array) =>
  new Int16Array(file.slice(44, 44 + viewOf(file).getUint32(40, true)).buffer);

const INPUT = { prompt: "rain on tin", num_inference_steps: 2, seed: 4, audio_length_in_s: 0.5 };

describe("audio", () => {
  afterAll(() => engine.close());

  it("is that of the pipeline, as @huggingface/inference asks for it", async () => {
    const pipe = await StableAudioPipeline.fromPretrained(TINY);
    const { audios } = await pipe("rain on tin", {
      ...{ numInferenceSteps: 2, seed: 4, audioEndInS: 0.5, negativePrompt: "wind" },
    });
    const expected = samplesOf(await audios[0]!.encode());
    await pipe.dispose();
    await serving(async (url) => {
      const parameters = {
        ...{ num_inference_steps: 2, seed: 4, audio_length_in_s: 0.5, negative_prompt: "wind" },
      };
      for (const where of [{ endpointUrl: url }, { endpointUrl: `${url}/models/tiny/audio` }]) {
        const client = new InferenceClient(KEY, where);
        const asked = { inputs: "rain on tin", parameters };
        for (const blob of [await client.textToAudio(asked), await client.textToSpeech(asked)]) {
          assertEquals((blob as Blob).type, "audio/wav");
          const file = new Uint8Array(await (blob as Blob).arrayBuffer());
          assert(isWav(file));
          assertEquals(secondsOf(file), audios[0]!.duration);
          const samples = samplesOf(file);
          assertEquals(samples.length, expected.length);
          // graphs are optimized here: the last bits of a float32 move
          const apart = Math.max(...samples.map((value, i) => Math.abs(value - expected[i]!)));
          assert(apart <= 8, `apart by ${apart}`);
        }
      }
    });
  });

  it("is in predictions, at addresses where results are stored", async () => {
    const folder = await Deno.makeTempDir();
    const store = folderStore(folder);
    try {
      await serving(async (url) => {
        const client = new Replicate({ auth: KEY, baseUrl: `${url}/v1`, useFileOutput: false });
        const two = { ...INPUT, num_outputs: 2, output_format: "wav" };
        const output = await client.run("tiny/audio", { input: two }) as string[];
        assertEquals(output.length, 2);
        for (const [i, address] of output.entries()) {
          const [path, query] = address.split("?");
          assert(path!.endsWith(".wav"));
          const response = await fetch(address);
          assertEquals(response.headers.get("content-type"), "audio/wav");
          const part = await fetch(address, { headers: { range: "bytes=8-11" } });
          assertEquals([part.status, await part.text()], [206, "WAVE"]);
          assertEquals(part.headers.get("content-range")!.slice(0, 11), "bytes 8-11/");
          const behind = await fetch(address, { headers: { range: "bytes=99999-" } });
          await behind.body?.cancel();
          assertEquals(behind.status, 416);
          const recipe = readWavRecipe(await response.bytes());
          assertEquals(recipe?.["seed"], String(4 + i));
          const forged = await fetch(
            `${path}?${query!.replace(/signature=.{4}/, "signature=0000")}`,
          );
          await forged.body?.cancel();
          assert(forged.status >= 400);
        }
      }, { storage: store });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("is a file of Replicate's client, where predictions carry it themselves", async () => {
    await serving(async (url) => {
      const client = new Replicate({ auth: KEY, baseUrl: `${url}/v1` });
      const [file] = await client.run("tiny/audio", { input: INPUT }) as {
        blob(): Promise<Blob>;
      }[];
      const blob = await file!.blob();
      assertEquals(blob.type, "audio/wav");
      assertEquals(secondsOf(new Uint8Array(await blob.arrayBuffer())), 0.5);
    });
  });

  it("is streamed, with its steps, and without previews", async () => {
    await serving(async (_url, app) => {
      const headers = { accept: "text/event-stream" };
      const body = { input: { ...INPUT, previews: 3 } };
      const told = await messages(await app.request("/predictions", post(body, { headers })));
      const names = ["start", "metric", "metric", "output", "completed"];
      assertEquals(told.map(({ event }) => event), names);
      const { output, input } = told.at(-1)!.data as {
        output: string[];
        input: Record<string, unknown>;
      };
      assertEquals(secondsOf(bytesOf(output[0]!)), 0.5);
      assertEquals([input["audio_length_in_s"], input["output_format"]], [0.5, "wav"]);
    });
  });

  it("comes in the answer itself where its caller prefers that to an address", async () => {
    const folder = await Deno.makeTempDir();
    try {
      await serving(async (_url, app) => {
        const ask = async (headers: Record<string, string>) => {
          const init = post({ input: INPUT }, {
            headers: { accept: "text/event-stream", ...headers },
          });
          const told = await messages(await app.request("/predictions", init));
          return (told.at(-1)!.data["output"] as string[])[0]!;
        };
        assertStringIncludes(await ask({}), "/files/");
        const prefer = { headers: { prefer: "return=representation" } };
        const whole = await app.request("/predictions", post({ input: INPUT }, prefer));
        assert(isWav(bytesOf((await whole.json()).output[0])));
        assert(isWav(bytesOf(await ask({ prefer: "return=representation" }))));
      }, { storage: folderStore(folder) });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("is counted, and described with its own length", async () => {
    await serving(async (_url, app) => {
      const response = await app.request("/predictions", post({ input: INPUT }));
      assertEquals((await response.json()).status, "succeeded");
      const { models } = await (await app.request("/v1/capabilities")).json();
      const { makes, tasks, takesLength, seconds, max_seconds, pixels } = models[0];
      assertEquals([makes, tasks, takesLength, pixels], [
        ...["audio", ["text-to-audio"], true, undefined],
      ]);
      assert(seconds > 0 && max_seconds >= 40);
      const metrics = await (await app.request("/metrics")).text();
      assertStringIncludes(metrics, 'denoise_audios_total{model="tiny/audio"} 1');
      assertStringIncludes(metrics, 'denoise_images_total{model="tiny/audio"} 0');
    });
  });

  it("is refused what only images have, and lengths that no model makes", async () => {
    await serving(async (_url, app) => {
      const cases: [object, string, RegExp][] = [
        [{ width: 64 }, "input.width", /must be left out: tiny\/audio makes audio/],
        [{ output_format: "png" }, "input.output_format", /cannot be png: .* written as wav/],
        [{ strength: 0.5 }, "input.strength", /no meaning for text-to-audio/],
        [{ audio_length_in_s: 0 }, "input.audio_length_in_s", /must be more than 0/],
        [{ audio_length_in_s: 3000 }, "input.audio_length_in_s", /and \d+ at most/],
        [{ audio_length_in_s: 30 }, "", /audioEndInS 30: it must be from 0 to 4 seconds/],
        [{ prompt: undefined }, "input.prompt", /is missing/],
      ];
      for (const [given, field, message] of cases) {
        const response = await app.request("/predictions", post({ input: { ...INPUT, ...given } }));
        const answer = await response.json();
        assert(message.test(answer.detail ?? answer.error), JSON.stringify(answer));
        if (field !== "") assertEquals([response.status, answer.field], [400, field]);
      }
    });
  });

  it("is not made at doors for images", async () => {
    const { app } = fakeApp({}, { info: FAKE_AUDIO });
    const images = "/v1/images/generations";
    const cases: [string, object, number, RegExp][] = [
      [images, { prompt: "rain" }, 400, /Cannot make images: no model here does/],
      [
        ...[images, { prompt: "rain", model: "fake" }, 400] as const,
        /Cannot make images with fake, which makes audio: ask for it at POST \/predictions/,
      ],
      ["/sdapi/v1/txt2img", { prompt: "rain" }, 422, /Cannot make images: no model here does/],
    ];
    for (const [path, body, status, message] of cases) {
      const response = await app.request(path, post(body));
      assertEquals(response.status, status);
      const text = await response.text();
      assert(message.test(text), text);
    }
    const accept = { headers: { accept: "image/png" } };
    const asImage = await app.request("/", post({ inputs: "rain" }, accept));
    assertStringIncludes((await asImage.json()).error, "Cannot make images");
    await app.drain(0);
  });

  it("is not made of models that make images", async () => {
    const { app } = fakeApp();
    const accept = { headers: { accept: "audio/wav" } };
    const asAudio = await app.request("/", post({ inputs: "rain" }, accept));
    assertStringIncludes((await asAudio.json()).error, "Cannot make audio: no model here does");
    const input = { prompt: "rain", audio_length_in_s: 3 };
    const response = await app.request("/predictions", post({ input }));
    assertStringIncludes((await response.json()).detail, "must be left out: fake makes images");
    await app.drain(0);
  });

  it("has a limit of its own", async () => {
    const { DEFAULT_LIMITS } = await import("../contract/limits.ts");
    const limits = { ...DEFAULT_LIMITS, maxSeconds: 2 };
    const { app, engine } = fakeApp({ limits }, { info: FAKE_AUDIO });
    const ask = (seconds: number) =>
      app.request("/predictions", post({ input: { prompt: "a", audio_length_in_s: seconds } }));
    assertEquals((await (await ask(2)).json()).status, "succeeded");
    assertStringIncludes((await (await ask(2.1)).json()).detail, "2 at most");
    const { input: { seconds, format } } = engine.begun[0]!;
    assertEquals([seconds, format], [2, "wav"]);
    await app.drain(0);
  });

  it("is a tool of assistants, where a model makes it", async () => {
    await serving(async (url) => {
      const client = new Client({ name: "test", version: "1.0.0" });
      await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
      const { tools } = await client.listTools();
      assertEquals(tools.map(({ name }: { name: string }) => name), ["generate_audio"]);
      const result = await client.callTool({ name: "generate_audio", arguments: INPUT });
      const [audio, text] = result.content as {
        type: string;
        data: string;
        mimeType: string;
        text: string;
      }[];
      assertEquals([audio!.type, audio!.mimeType], ["audio", "audio/wav"]);
      assert(isWav(Uint8Array.fromBase64(audio!.data)));
      assertEquals(JSON.parse(text!.text).recipes[0].seed, "4");
      await assertRejects(
        () => client.callTool({ name: "draw", arguments: {} }),
        Error,
        "there is generate_audio",
      );
      await client.close();
    });
  });
});
