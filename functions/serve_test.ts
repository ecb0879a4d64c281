/**
 * The whole server: its own process, with a real model in the engine's child.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise/registry";
import { DenoiseImage, EulerDiscreteScheduler, StableDiffusionPipeline } from "@denoise/denoise";
import type { ChildServingEngine } from "./engine/child.ts";
import { serve, type Server } from "./serve.ts";
import { readSettings, SettingsError } from "./settings.ts";
import { post } from "./tests/app.ts";
import { TINY } from "./tests/jobs.ts";
import { until } from "../tests/support/until.ts";
import { endOf, metric, startProgram } from "./tests/programs.ts";

const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };

async function using(test: (server: Server) => Promise<void>, more = {}): Promise<void> {
  const server = await serve(readSettings({ ...env, ...more }), registry);
  try {
    await test(server);
  } finally {
    await server.close();
  }
}

async function generate(url: string, body: object): Promise<Response> {
  const input = { prompt: "a cat", num_inference_steps: 2, seed: 1, ...body };
  return await fetch(`${url}/v1/images/generations`, post(input));
}

async function ready(url: string): Promise<number> {
  const response = await fetch(`${url}/readyz`);
  await response.body?.cancel();
  return response.status;
}

describe("serve()", () => {
  it("does not start on a public address without a key", async () => {
    const settings = readSettings({ ...env, DENOISE_HOST: "0.0.0.0" });
    const error = await assertRejects(() => serve(settings, registry), SettingsError);
    assert(error.message.includes("DENOISE_API_KEYS") && error.message.includes("--insecure"));
  });

  it("does not take a Redis for its queue without using it", async () => {
    const settings = readSettings({ ...env, DENOISE_REDIS_URL: "redis://localhost:6379" });
    await assertRejects(() => serve(settings, registry), SettingsError, "edge and worker");
  });

  it("serves the images that the pipeline makes", async () => {
    await using(async ({ url }) => {
      const pipe = await StableDiffusionPipeline.fromPretrained(TINY, { optimize: "speed" });
      pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config);
      const { images } = await pipe("a cat", { numInferenceSteps: 2, seed: 1 });
      await pipe.dispose();
      const { data } = await (await generate(url, { scheduler: "euler" })).json();
      const { decodeImage } = await import("@denoise/denoise");
      const served = await decodeImage(Uint8Array.fromBase64(data[0].b64_json));
      assertEquals(served.data, images[0]!.data);
    });
  });

  it("answers /livez while a model computes", async () => {
    await using(async ({ url, engine }) => {
      await engine.ready();
      const busy = generate(url, { num_inference_steps: 8, size: "256x256" });
      let probes = 0;
      let done = false;
      busy.finally(() => done = true);
      while (!done) {
        await (await fetch(`${url}/livez`)).text();
        probes++;
      }
      assertEquals((await busy).status, 200);
      // a server that is held up by its model answers one between two steps, and there are 9 of them
      assert(probes > 90, `it answered ${probes} probes`);
    });
  });

  it("tells a caller whose engine dies twice, and serves the next one", async () => {
    await using(async ({ url, engine }) => {
      const child = engine as ChildServingEngine;
      await engine.ready();
      const body = { num_inference_steps: 150, size: "128x128", stream: true, progress: true };
      const response = await generate(url, body);
      let text = "";
      let kills = 0;
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
        text += piece;
        const starts = text.split('"attempt":').length - 1;
        if (starts > kills && /"step":2,/.test(text.split('"attempt":').at(-1)!)) {
          kills++;
          Deno.kill(child.pid!, "SIGKILL");
        }
      }
      assertEquals(kills, 2);
      assert(text.includes('"code":"engine_lost"'), text.slice(-300));
      assertEquals((await generate(url, {})).status, 200);
      assertEquals(engine.restarts, 2);
    });
  });

  it("notices an engine that hangs, and gives its run to the next one", async () => {
    await using(async ({ url, engine }) => {
      const child = engine as ChildServingEngine;
      await engine.ready();
      const stream = await generate(url, { num_inference_steps: 40, stream: true, progress: true });
      const first = child.pid!;
      let text = "";
      let phase: string | undefined;
      for await (const piece of stream.body!.pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (phase !== undefined || !text.includes('"step":2,')) continue;
        phase = "stopped";
        Deno.kill(first, "SIGSTOP");
        while ((await ready(url)) === 200); // 503 as soon as it is noticed
      }
      assert(text.includes('"attempt":2'), text.slice(-300));
      assert(text.includes("image_generation.completed"), text.slice(-300));
      assertEquals(engine.restarts, 1);
      Deno.kill(child.pid!, "SIGSTOP"); // one that does nothing hangs too
      while (engine.restarts < 2) await ready(url);
      assertEquals((await generate(url, {})).status, 200);
    }, { DENOISE_HANG_SECONDS: "5" });
  });

  it("keeps as many models as it has room for, loads others on demand, and none that is broken", async () => {
    const broken = await Deno.makeTempDir();
    const models = `one=${TINY},two=${TINY},three=${TINY},broken=${broken}`;
    const more = { DENOISE_MAX_LOADED: "2", DENOISE_PINNED_MODELS: "three" };
    await using(async ({ url, engine }) => {
      await engine.ready();
      assertEquals(await ready(url), 200);
      const states = async () => {
        const { data } = await (await fetch(`${url}/v1/models`)).json();
        return data.map(({ id, state }: Record<string, string>) => `${id} ${state}`);
      };
      assertEquals(await states(), ["one loaded", "two unloaded", "three loaded"]);
      const draw = async (model: string) => {
        const response = await generate(url, { model });
        const { data, error } = await response.json();
        return { status: response.status, image: data?.[0].b64_json, code: error?.code };
      };
      const [one, two] = [await draw("one"), await draw("two")];
      assertEquals([one.status, two.status], [200, 200]);
      assertEquals(await states(), ["one unloaded", "two loaded", "three loaded"]);
      assertEquals((await draw("one")).image, one.image);
      assertEquals(await states(), ["one loaded", "two unloaded", "three loaded"]);
      assertEquals((await draw("broken")).code, "model_unavailable");
      assertEquals((await draw("none")).code, "model_not_found");
    }, { DENOISE_MODELS: models, ...more });
    await Deno.remove(broken);
  });

  it("fails a run that needs more memory than the engine can have, and lives on", async () => {
    await using(async ({ url, engine }) => {
      await engine.ready();
      const large = await generate(url, { num_inference_steps: 1, size: "2048x2048", n: 4 });
      assertEquals(large.status, 500, await large.text());
      assertEquals((await generate(url, {})).status, 200);
    }, { DENOISE_ENGINE_MEMORY_MB: "900", DENOISE_MAX_PIXELS: "100000000" });
  });

  it("refuses images that are bombs, broken, or no images", async () => {
    await using(async ({ url }) => {
      const edit = async (bytes: Uint8Array) => {
        const form = new FormData();
        form.append("prompt", "a cat");
        form.append("num_inference_steps", "2");
        form.append("image", new Blob([bytes.slice()]));
        const response = await fetch(`${url}/v1/images/edits`, { method: "POST", body: form });
        return { status: response.status, ...await response.json() };
      };
      const png = await new DenoiseImage(64, 64, 3, new Uint8Array(64 * 64 * 3)).encode("png");
      assertEquals((await edit(png)).status, 200);
      const bomb = png.slice();
      new DataView(bomb.buffer).setUint32(16, 100_000);
      new DataView(bomb.buffer).setUint32(20, 100_000);
      const pickle = new TextEncoder().encode("\x80\x04cos\nsystem\n(S'id'\ntR.");
      for (const file of [bomb, png.slice(0, 60), pickle, Uint8Array.of(0xff, 0xd8, 0xff)]) {
        const { status, error } = await edit(file);
        assertEquals([status, error.param], [400, "image"], JSON.stringify(error));
      }
    });
  });
});

describe("deno task serve", () => {
  it("says each wrong setting in one line and ends with 2", async () => {
    const more = { DENOISE_QUEUE_LIMIT: "many", DENOISE_ENGINE: "x" };
    const { code, errors } = await endOf("serve", { ...env, ...more });
    const lines = errors.trim().split("\n");
    assertEquals([code, lines.length], [2, 2], lines.join("\n"));
    assert(lines.every((line) => line.startsWith("error: DENOISE_")));
  });

  it("finishes what is under way at SIGTERM, refuses what comes, and ends with 0", async () => {
    await using server = await startProgram("serve", env);
    const body = { num_inference_steps: 60, stream: true, progress: true };
    const response = await server.alive(generate(server.url, body));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let sent = "";
    while (!sent.includes('"step":1,')) {
      const { done, value } = await server.alive(reader.read());
      assert(!done, sent);
      sent += value;
    }
    server.process.kill("SIGTERM");
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      sent += value;
    }
    assert(sent.includes("image_generation.completed"), sent.slice(-300));
    assertEquals((await server.process.status).code, 0);
  });
});

describe("deno task serve with 500 waiting", () => {
  it("answers every one of them at SIGTERM, and ends with 0", async () => {
    const more = { DENOISE_QUEUE_LIMIT: "500", DENOISE_DRAIN_SECONDS: "2" };
    await using server = await startProgram("serve", { ...env, ...more });
    const ask = async (seed: number): Promise<[number, string | undefined]> => {
      const response = await generate(server.url, { seed, num_inference_steps: 20 });
      return [response.status, (await response.json()).error?.code];
    };
    const first = await server.alive(ask(0));
    assertEquals(first[0], 200);
    let answered = 0;
    const asked = Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        const answer = await ask(i);
        answered++;
        return answer;
      }),
    );
    const all = async () => answered + await metric(server.url, "denoise_queue_depth") > 450;
    await until(async () => answered > 0 && await all());
    server.process.kill("SIGTERM");
    const answers = await asked;
    const refused = answers.filter(([status]) => status !== 200);
    assert(refused.length > 0 && refused.length < 500, `${refused.length} were refused`);
    for (const answer of refused) assertEquals(answer, [503, "shutting_down"]);
    assertEquals((await server.process.status).code, 0);
  });
});

describe("startProgram()", () => {
  it("says why a program that dies does not start, and keeps settings of the caller from it", async () => {
    Deno.env.set("DENOISE_NONSENSE", "1");
    try {
      await (await startProgram("serve", env))[Symbol.asyncDispose]();
      const start = () => startProgram("serve", { ...env, DENOISE_DEVICE: "abacus" });
      await assertRejects(start, Error, "DENOISE_DEVICE");
    } finally {
      Deno.env.delete("DENOISE_NONSENSE");
    }
  });
});
