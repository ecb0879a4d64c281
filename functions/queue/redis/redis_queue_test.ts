/**
 * Edge and workers over a real Redis.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Redis } from "ioredis";
import { ServeError } from "../../contract/errors.ts";
import type { JobEvent } from "../../contract/job.ts";
import { redisStore } from "../../storage/redis_store.ts";
import type { Store } from "../../storage/store.ts";
import { FakeEngine, type FakeEngineOptions } from "../../tests/fake_engine.ts";
import { job } from "../../tests/jobs.ts";
import { hasRedis, startRedis, type TestRedis } from "../../tests/redis.ts";
import type { JobQueue } from "../queue.ts";
import { redisCatalog } from "./redis_catalog.ts";
import { redisQueue, type RedisQueueOptions } from "./redis_queue.ts";
import { type RedisWorker, redisWorker } from "./redis_worker.ts";

interface Bench {
  readonly redis: TestRedis;
  readonly store: Store;
  readonly edge: JobQueue;
  /** Starts a worker over a fake engine. */
  worker(options?: FakeEngineOptions): Promise<{ engine: FakeEngine; worker: RedisWorker }>;
}

async function using(
  test: (bench: Bench) => Promise<void>,
  options: Partial<RedisQueueOptions> = {},
): Promise<void> {
  await using redis = await startRedis();
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  client.on("error", () => {});
  const store = redisStore(client);
  const edge = redisQueue({ url: redis.url, store, ...options });
  const workers: RedisWorker[] = [];
  try {
    await test({
      redis,
      store,
      edge,
      async worker(options) {
        const engine = new FakeEngine(options);
        const worker = await redisWorker(engine, { url: redis.url, store, lockMs: 1_000 });
        workers.push(worker);
        return { engine, worker };
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.close(0)));
    await edge.close(0);
    client.disconnect();
  }
}

async function told(queue: JobQueue, id: string): Promise<JobEvent[]> {
  return await Array.fromAsync(queue.follow(id));
}

describe("redisQueue()", { ignore: !await hasRedis() }, () => {
  it("tells everything across processes, to those who come late too", async () => {
    await using(async ({ edge, worker }) => {
      const image = Uint8Array.of(1, 2, 3);
      await edge.submit(job("1", { steps: 3, previews: 1, image }, { keepMs: 60_000 }));
      assertEquals((await edge.find("1")).status, "queued");
      const following = told(edge, "1");
      const { engine } = await worker();
      const live = await following;
      assertEquals(live.map(({ type }) => type), [
        "queued",
        "started",
        "step",
        "preview",
        "step",
        "step",
        "succeeded",
      ]);
      assertEquals(engine.begun[0]!.input.image, image);
      const late = await told(edge, "1");
      assertEquals(late.at(-1), live.at(-1));
      const record = await edge.find("1");
      assertEquals([record.status, record.job.input.image], ["succeeded", undefined]);
    });
  });

  it("takes an id once, and so many jobs", async () => {
    await using(async ({ edge, worker }) => {
      const same = Array.from({ length: 20 }, () => edge.submit(job("one", {}, { keepMs: 9_000 })));
      assertEquals((await Promise.all(same)).filter(Boolean).length, 1);
      await edge.submit(job("two"));
      const error = await assertRejects(() => edge.submit(job("three")), ServeError);
      assertEquals(error.code, "queue_full");
      const { engine } = await worker();
      await Promise.all(["one", "two"].map((id) => told(edge, id)));
      assertEquals(engine.begun.length, 2);
    }, { bound: 2 });
  });

  it("serves owners in turn", async () => {
    await using(async ({ edge, worker }) => {
      for (const id of ["a1", "a2", "a3"]) await edge.submit(job(id, {}, { owner: "a" }));
      for (const id of ["b1", "b2"]) await edge.submit(job(id, {}, { owner: "b" }));
      const { engine } = await worker();
      await Promise.all(["a1", "a2", "a3", "b1", "b2"].map((id) => told(edge, id)));
      assertEquals(engine.begun.map(({ id }) => id), ["a1", "b1", "a2", "b2", "a3"]);
    });
  });

  it("cancels what waits without running it, and what runs before its next step", async () => {
    await using(async ({ edge, worker }) => {
      const { engine } = await worker({ stepMs: 5 });
      await edge.submit(job("runs", { steps: 150 }));
      await edge.submit(job("waits", {}, { keepMs: 9_000 }));
      await edge.cancel("waits");
      assertEquals((await told(edge, "waits")).at(-1)!.type, "canceled");
      let last: JobEvent | undefined;
      for await (const event of edge.follow("runs")) {
        last = event;
        if (event.type === "step" && event.step === 3) await edge.cancel("runs");
      }
      assertEquals(last!.type, "canceled");
      const { steps } = engine;
      await edge.submit(job("next", { steps: 1 }));
      assertEquals((await told(edge, "next")).at(-1)!.type, "succeeded");
      assert(engine.steps - steps <= 2, "a step was under way, one is the next job's");
      assertEquals(engine.begun.map(({ id }) => id), ["runs", "next"]);
    });
  });

  it("ends a job that nobody serves in time", async () => {
    await using(async ({ edge }) => {
      await edge.submit(job("slow"));
      const last = (await told(edge, "slow")).at(-1)!;
      assert(last.type === "failed" && last.failure.code === "timeout");
    }, { timeoutMs: 50 });
  });

  it("loses none of 100 jobs when Redis is killed and started again", async () => {
    await using(async ({ edge, redis, worker }) => {
      const ids = Array.from({ length: 100 }, (_, i) => `${i}`);
      for (const id of ids) await edge.submit(job(id, { seed: id }, { keepMs: 60_000 }));
      const { engine } = await worker({ stepMs: 1 });
      while (engine.begun.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
      await redis.kill();
      const error = await assertRejects(() => edge.submit(job("late")), ServeError);
      assertEquals(error.status, 503);
      await redis.restart();
      const seeds: string[] = [];
      for (const id of ids) {
        const last = (await told(edge, id)).at(-1)!;
        assert(last.type === "succeeded", JSON.stringify(last));
        seeds.push(`${last.images[0]!.recipe["seed"]}`);
      }
      assertEquals(seeds, ids);
    }, { bound: 200 });
  });

  it("tells the models of the workers that are there", async () => {
    await using(async ({ redis, worker }) => {
      const catalog = redisCatalog(redis.url);
      assertEquals(catalog.state.phase, "starting");
      await worker();
      assertEquals((await catalog.ready()).map(({ id }) => id), ["fake"]);
      catalog.close();
    });
  });
});
