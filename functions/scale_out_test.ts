/**
 * One edge and workers in processes of their own, over a real Redis, with a real model.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise/registry";
import { edge, worker } from "./scale_out.ts";
import { readSettings, SettingsError } from "./settings.ts";
import { post } from "./tests/app.ts";
import { TINY } from "./tests/jobs.ts";
import { type RunningProgram, startProgram, untilReady } from "./tests/programs.ts";
import { hasRedis, startRedis } from "./tests/redis.ts";

const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };

function startWorker(url: string): Promise<RunningProgram> {
  const more = { DENOISE_REDIS_URL: url, DENOISE_LOCK_SECONDS: "2" };
  return startProgram("worker", { ...env, ...more });
}

describe("edge() and worker()", { ignore: !await hasRedis() }, () => {
  it("need the address of Redis", async () => {
    const settings = readSettings(env);
    for (const start of [edge, worker]) {
      await assertRejects(() => start(settings, registry), SettingsError, "DENOISE_REDIS_URL");
    }
  });

  it("end at SIGTERM though Redis is gone for good", async () => {
    await using redis = await startRedis();
    const more = { DENOISE_REDIS_URL: redis.url, DENOISE_DRAIN_SECONDS: "3600" };
    const programs = [startProgram("edge", { ...env, ...more }), startWorker(redis.url)];
    const running = await Promise.all(programs);
    try {
      await redis.kill();
      for (const { process } of running) process.kill("SIGTERM");
      // not only after the hour in which they may finish what is under way
      const ends = await Promise.all(running.map(({ process }) => process.status));
      assertEquals(ends.map(({ code }) => code), [0, 0]);
    } finally {
      for (const program of running) await program[Symbol.asyncDispose]();
    }
  });

  it("make the images of an edge's callers, also when a worker is killed", async () => {
    await using redis = await startRedis();
    const settings = readSettings({ ...env, DENOISE_REDIS_URL: redis.url });
    const running = await edge(settings, registry);
    let working = await startWorker(redis.url);
    try {
      const body = { prompt: "a cat", num_inference_steps: 2, seed: 1 };
      const generate = async (more = {}) =>
        await working.alive(
          fetch(`${running.url}/v1/images/generations`, post({ ...body, ...more })),
        );
      const first = await (await generate()).json();
      assertEquals(first.data[0].recipe.seed, "1");

      const long = { num_inference_steps: 60, size: "64x64", stream: true, progress: true };
      const stream = (await generate(long)).body!.pipeThrough(new TextDecoderStream());
      const killed = working;
      let sent = "";
      for await (const piece of stream) {
        sent += piece;
        if (working === killed && sent.includes('"step":3,')) {
          await killed[Symbol.asyncDispose]();
          working = await startWorker(redis.url);
        }
      }
      assert(sent.includes("image_generation.completed"), sent.slice(-300));
      const again = await (await generate()).json();
      assertEquals(again.data[0].b64_json, first.data[0].b64_json);
    } finally {
      await working[Symbol.asyncDispose]();
      await running.close();
    }
  });

  it("lose no job when its worker is asked to end, and wait for their callers", async () => {
    await using redis = await startRedis();
    const more = { DENOISE_REDIS_URL: redis.url, DENOISE_DRAIN_SECONDS: "60" };
    await using running = await startProgram("edge", { ...env, ...more });
    const short = { DENOISE_REDIS_URL: redis.url, DENOISE_DRAIN_SECONDS: "0" };
    await using first = await startProgram("worker", { ...env, ...short });
    await running.alive(untilReady(running.url));
    const body = { prompt: "a cat", num_inference_steps: 60, size: "64x64" };
    const stream = await fetch(
      `${running.url}/v1/images/generations`,
      post({ ...body, stream: true, progress: true }),
    );
    let sent = "";
    let second: RunningProgram | undefined;
    for await (const piece of stream.body!.pipeThrough(new TextDecoderStream())) {
      sent += piece;
      if (second === undefined && sent.includes('"step":3,')) {
        second = await startWorker(redis.url);
        first.process.kill("SIGTERM");
        assertEquals((await first.process.status).code, 0);
        running.process.kill("SIGTERM");
      }
    }
    assert(sent.includes("image_generation.completed"), sent.slice(-300));
    assertEquals((await running.process.status).code, 0);
    await second![Symbol.asyncDispose]();
  });
});
