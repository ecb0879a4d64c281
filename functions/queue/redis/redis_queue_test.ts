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
import { makeJobId } from "../../contract/job_id.ts";
import { redisStore } from "../../storage/redis_store.ts";
import type { Store } from "../../storage/store.ts";
import { FAKE_AUDIO, FakeEngine, type FakeEngineOptions } from "../../tests/fake_engine.ts";
import { job as anyJob } from "../../tests/jobs.ts";
import { type Proxy, startProxy } from "../../tests/proxy.ts";
import { hasRedis, startRedis, type TestRedis } from "../../tests/redis.ts";
import { until } from "../../../tests/support/until.ts";
import type { JobQueue } from "../queue.ts";
import { namesUnder } from "./names.ts";
import { redisCatalog } from "./redis_catalog.ts";
import { redisQueue, type RedisQueueOptions } from "./redis_queue.ts";
import { redisRateLimit } from "./redis_rate_limit.ts";
import { type RedisWorker, redisWorker } from "./redis_worker.ts";

/** A job for the fake engine's model. */
const job: typeof anyJob = (id, input, rest) => anyJob(id, input, { model: "fake", ...rest });

interface Bench {
  readonly redis: TestRedis;
  readonly store: Store;
  readonly edge: JobQueue;
  /** What the edge's way to Redis leads through. */
  readonly link: Proxy;
  /** Another edge, with a way of its own. */
  edgeOver(options?: Partial<RedisQueueOptions>): { edge: JobQueue; link: Proxy };
  /** Starts a worker over a fake engine. */
  worker(options?: FakeEngineOptions, lockMs?: number): Promise<{
    engine: FakeEngine;
    worker: RedisWorker;
    link: Proxy;
  }>;
}

async function using(
  test: (bench: Bench) => Promise<void>,
  options: Partial<RedisQueueOptions> = {},
): Promise<void> {
  await using redis = await startRedis();
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  client.on("error", () => {});
  const store = redisStore(client);
  const ends: (() => Promise<unknown>)[] = [];
  const port = Number(new URL(redis.url).port);
  function over(more: Partial<RedisQueueOptions>): { edge: JobQueue; link: Proxy } {
    const link = startProxy(port);
    const url = `redis://127.0.0.1:${link.port}`;
    const edge = redisQueue({ url, store, ...options, ...more });
    ends.push(() => edge.close(0), async () => await link[Symbol.asyncDispose]());
    return { edge, link };
  }
  const workers: RedisWorker[] = [];
  try {
    await test({
      redis,
      store,
      ...over({}),
      edgeOver: (more = {}) => over(more),
      async worker(options, lockMs = 30_000) {
        const engine = new FakeEngine(options);
        const link = startProxy(port);
        const url = `redis://127.0.0.1:${link.port}`;
        const worker = await redisWorker(engine, { url, store, lockMs });
        ends.push(async () => await link[Symbol.asyncDispose]());
        workers.push(worker);
        return { engine, worker, link };
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.close(0)));
    for (const end of ends) await end();
    client.disconnect();
  }
}

/**
 * Everything that a job tells. Where Redis cannot be reached for a while it is asked for again, as callers do. What goes
 * wrong is for whoever waits for it, also where that begins later.
 */
function eventsOf(queue: JobQueue, id: string): Promise<JobEvent[]> {
  const events = askedAgain(() => Array.fromAsync(queue.follow(id)));
  events.catch(() => {});
  return events;
}

/** What is told when it is asked for, again where the queue says so. */
async function askedAgain<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ServeError) || error.status !== 503) throw error;
      await pause(20);
    }
  }
}

describe("redisQueue()", { ignore: !await hasRedis() }, () => {
  it("tells everything across processes, to those who come late too", async () => {
    await using(async ({ edge, worker }) => {
      const image = Uint8Array.of(1, 2, 3);
      await edge.submit(job("1", { steps: 3, previews: 1, image }, { keepMs: 60_000 }));
      assertEquals((await edge.find("1")).status, "queued");
      const following = eventsOf(edge, "1");
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
      const late = await eventsOf(edge, "1");
      assertEquals(late.at(-1), live.at(-1));
      const record = await edge.find("1");
      assertEquals([record.status, record.job.input.image], ["succeeded", undefined]);
    });
  });

  it("takes an id once, and so many jobs", async () => {
    await using(async ({ edge, worker }) => {
      const same = Array.from(
        { length: 20 },
        () => edge.submit(job("one", {}, { keepMs: 60_000 })),
      );
      assertEquals((await Promise.all(same)).filter(Boolean).length, 1);
      await edge.submit(job("two"));
      const error = await assertRejects(() => edge.submit(job("three")), ServeError);
      assertEquals(error.code, "queue_full");
      const { engine } = await worker();
      await Promise.all(["one", "two"].map((id) => eventsOf(edge, id)));
      assertEquals(engine.begun.length, 2);
    }, { bound: 2 });
  });

  it("serves owners in turn", async () => {
    await using(async ({ edge, worker }) => {
      for (const id of ["a1", "a2", "a3"]) await edge.submit(job(id, {}, { owner: "a" }));
      for (const id of ["b1", "b2"]) await edge.submit(job(id, {}, { owner: "b" }));
      const { engine } = await worker();
      await Promise.all(["a1", "a2", "a3", "b1", "b2"].map((id) => eventsOf(edge, id)));
      assertEquals(engine.begun.map(({ id }) => id), ["a1", "b1", "a2", "b2", "a3"]);
    });
  });

  it("serves who waits before what does not matter when", async () => {
    await using(async ({ edge, worker }) => {
      for (const id of ["b1", "b2"]) await edge.submit(job(id, {}, { priority: "batch" }));
      await edge.submit(job("a1", {}, { owner: "a" }));
      const { engine } = await worker();
      await Promise.all(["a1", "b1", "b2"].map((id) => eventsOf(edge, id)));
      assertEquals(engine.begun.map(({ id }) => id), ["a1", "b1", "b2"]);
    });
  });

  it("limits how often a key asks over all edges together", async () => {
    await using(async ({ redis }) => {
      const edges = [1, 2].map(() => redisRateLimit(redis.url, (owner) => owner === "b" ? 0 : 20));
      const asked = await Promise.allSettled(
        Array.from({ length: 60 }, (_, i) => edges[i % 2]!.check("a")),
      );
      assertEquals(asked.filter(({ status }) => status === "fulfilled").length, 20);
      await edges[0]!.check("b");
      for (const edge of edges) edge.close();
    });
  });

  it("cancels what waits without running it, and what runs before its next step", async () => {
    await using(async ({ edge, worker }) => {
      const { engine } = await worker({ stepMs: 5 });
      await edge.submit(job("runs", { steps: 150 }));
      await edge.submit(job("waits", {}, { keepMs: 60_000 }));
      await edge.cancel("waits");
      assertEquals((await eventsOf(edge, "waits")).at(-1)!.type, "canceled");
      let last: JobEvent | undefined;
      for await (const event of edge.follow("runs")) {
        last = event;
        if (event.type === "step" && event.step === 3) await edge.cancel("runs");
      }
      assertEquals(last!.type, "canceled");
      const { steps } = engine;
      await edge.submit(job("next", { steps: 1 }));
      assertEquals((await eventsOf(edge, "next")).at(-1)!.type, "succeeded");
      assert(engine.steps - steps <= 2, "a step was under way, one is the next job's");
      assertEquals(engine.begun.map(({ id }) => id), ["runs", "next"]);
    });
  });

  it("ends a job that nobody serves in time", async () => {
    await using(async ({ edge }) => {
      await edge.submit(job("slow"));
      const last = (await eventsOf(edge, "slow")).at(-1)!;
      assert(last.type === "failed" && last.failure.code === "timeout");
    }, { timeoutMs: 50 });
  });

  it("loses none of 100 jobs when Redis is killed and started again", async () => {
    await using(async ({ edge, redis, worker }) => {
      const ids = Array.from({ length: 100 }, (_, i) => `${i}`);
      for (const id of ids) await edge.submit(job(id, { seed: id }, { keepMs: 60_000 }));
      const { engine } = await worker({ stepMs: 1 });
      await until(() => engine.begun.length >= 20);
      await redis.kill();
      const error = await assertRejects(() => edge.submit(job("late")), ServeError);
      assertEquals(error.status, 503);
      await redis.restart();
      const seeds: string[] = [];
      for (const id of ids) {
        const last = (await eventsOf(edge, id)).at(-1)!;
        assert(last.type === "succeeded", JSON.stringify(last));
        seeds.push(`${last.images[0]!.recipe["seed"]}`);
      }
      assertEquals(seeds, ids);
    }, { bound: 200 });
  });

  it("tells the models of the workers that are there, and how many of them take each", async () => {
    await using(async ({ edge, redis, worker }) => {
      const catalog = redisCatalog(redis.url);
      assertEquals(catalog.state.phase, "starting");
      await worker();
      assertEquals((await catalog.ready()).map(({ id }) => id), ["fake"]);
      catalog.close();
      await worker({ models: ["fake", "other"] });
      const engines = (await edge.depth()).models.map(({ model, engines }) => [model, engines]);
      assertEquals(engines.sort(), [["fake", 2], ["other", 1]]);
    });
  });

  it("sends callers what came while their edge could not reach Redis", async () => {
    for (const mode of ["cut", "stalled", "dropped"] as const) {
      await using(async ({ edge, link, edgeOver, worker }) => {
        const { engine } = await worker();
        const open = engine.hold();
        await edge.submit(job("1", { steps: 3 }, { keepMs: 60_000 }));
        const types: string[] = [];
        const following = (async () => {
          for await (const { type } of edge.follow("1")) types.push(type);
        })();
        await until(() => engine.begun.length >= 1 && types.includes("started"));
        link.set(mode);
        open();
        const other = edgeOver().edge;
        assertEquals((await eventsOf(other, "1")).at(-1)!.type, "succeeded");
        link.set("open");
        if (mode === "stalled") link.kill();
        await following;
        assertEquals(types, [
          "queued",
          "started",
          "step",
          "step",
          "step",
          "succeeded",
        ]);
      });
    }
  });

  it("takes jobs with an engine that could not load its model at first", async () => {
    await using(async ({ edge, worker, redis }) => {
      const catalog = redisCatalog(redis.url);
      const { engine } = await worker({ ready: false });
      engine.fail();
      await edge.submit(job("1"));
      const client = new Redis(redis.url);
      const beats = async () =>
        Number((await client.info("commandstats")).match(/cmdstat_evalsha:calls=(\d+)/)?.[1] ?? 0);
      const before = await beats();
      await until(async () => await beats() > before + 20); // each of the three asks once or twice a second
      client.disconnect();
      assertEquals(catalog.state.phase, "starting", "what it does not take, it does not announce");
      engine.restart();
      engine.becomeReady();
      assertEquals((await eventsOf(edge, "1")).at(-1)!.type, "succeeded");
      await catalog.ready();
      catalog.close();
    });
  });

  it("gives a job to another worker when its own goes before it is done", async () => {
    await using(async ({ edge, worker }) => {
      const first = await worker();
      first.engine.hold();
      await edge.submit(job("1", { steps: 3 }));
      const following = eventsOf(edge, "1");
      await until(() => first.engine.begun.length > 0);
      const second = await worker();
      await first.worker.close(0);
      const events = await following;
      assertEquals(events.at(-1)!.type, "succeeded");
      assertEquals([first.engine.steps, second.engine.begun.length], [0, 1]);
      assertEquals(events.filter(({ type }) => type === "queued").length, 2);
    });
  });

  it("gives a job to another worker when its own takes it while it goes", async () => {
    await using(async ({ edge, worker }) => {
      await edge.submit(job("1"));
      const following = eventsOf(edge, "1");
      const { engine, worker: first } = await worker({ ready: false });
      const closed = Promise.withResolvers<void>();
      const { state } = new FakeEngine();
      // it is looked at just before a job is taken
      Object.defineProperty(engine, "state", {
        get(): typeof state {
          first.close(0).then(closed.resolve);
          return state;
        },
      });
      await closed.promise;
      const second = await worker();
      const events = await following;
      assertEquals(events.at(-1)!.type, "succeeded");
      assertEquals([engine.begun.length, second.engine.begun.length], [0, 1]);
      const attempts = events.flatMap((event) => event.type === "started" ? [event.attempt] : []);
      assertEquals(attempts, [1]);
    });
  });

  it("gives each worker the jobs of its models", async () => {
    await using(async ({ edge, worker }) => {
      const one = await worker({ models: ["one"] });
      const two = await worker({ models: ["two"] });
      const ids = Array.from({ length: 24 }, (_, i) => `${i}`);
      for (const id of ids) {
        await edge.submit(job(id, {}, { model: Number(id) % 2 === 0 ? "one" : "two" }));
      }
      for (const events of await Promise.all(ids.map((id) => eventsOf(edge, id)))) {
        assertEquals(events.at(-1)!.type, "succeeded");
      }
      assertEquals([one.engine.begun.length, two.engine.begun.length], [12, 12]);
    });
  });

  it("takes as many as may wait, and no more, whatever comes at once at two edges", async () => {
    await using(async ({ edge, edgeOver, worker, redis }) => {
      const other = edgeOver().edge;
      const submits = Array.from(
        { length: 300 },
        (_, i) => (i % 2 ? edge : other).submit(job(`${i}`)),
      );
      const taken = (await Promise.allSettled(submits)).filter(({ status }) =>
        status === "fulfilled"
      );
      assertEquals([taken.length, (await edge.depth()).waiting], [64, 64]);
      await worker();
      await until(async () => {
        const { waiting, running } = await edge.depth();
        return waiting + running === 0;
      });
      const client = new Redis(redis.url);
      const stats = await client.info("commandstats");
      assert(!/cmdstat_keys:/.test(stats), "nothing looks through all keys");
      assertEquals(await client.hgetall(`${namesUnder("denoise").root}:counts`), {});
      assertEquals(await client.hgetall(`${namesUnder("denoise").root}:waiting`), {});
      client.disconnect();
    });
  });

  it("has places for every key, and for so many bytes of images", async () => {
    await using(async ({ edge }) => {
      for (let i = 0; i < 4; i++) await edge.submit(job(`a${i}`, {}, { owner: "a" }));
      const code = async (id: string, owner: string, image?: Uint8Array) =>
        (await assertRejects(() => edge.submit(job(id, { image }, { owner })), ServeError)).code;
      assertEquals(await code("a4", "a"), "queue_full");
      await edge.submit(job("b1", {}, { owner: "b" }));
      assertEquals(await code("b2", "b", new Uint8Array(11)), "overloaded");
      await edge.submit(job("b2", { image: new Uint8Array(9) }, { owner: "b" }));
      assertEquals(await code("c1", "c", new Uint8Array(2)), "overloaded");
      await edge.cancel("b2");
      await edge.submit(job("c1", { image: new Uint8Array(2) }, { owner: "c" }));
    }, { bound: 4, share: 2, files: { maxBytes: 10 } });
  });

  it("waits for its callers when it closes, and tells those who wait too long", async () => {
    await using(async ({ edge, edgeOver, worker }) => {
      const { engine } = await worker();
      const open = engine.hold();
      await edge.submit(job("1"));
      const following = eventsOf(edge, "1");
      await until(() => engine.begun.length >= 1);
      const closing = edge.close(60_000);
      open();
      assertEquals((await following).at(-1)!.type, "succeeded");
      await closing;
      const other = edgeOver().edge;
      const closed = engine.hold();
      await other.submit(job("2"));
      const late = assertRejects(() => Array.fromAsync(other.follow("2")), ServeError);
      await until(() => engine.begun.length >= 2);
      await other.close(10);
      assertEquals((await late).code, "shutting_down");
      closed();
      const third = edgeOver().edge;
      await until(async () => (await third.depth()).running === 0);
      assertEquals((await eventsOf(third, "2")).at(-1)!.type, "canceled");
    });
  });

  it("reaches Redis again over a new connection when the old one swallows everything", async () => {
    await using(async ({ edge, link, worker }) => {
      await worker();
      await edge.depth();
      link.set("dropped");
      link.set("open");
      await until(() => edge.depth().then(() => true, () => false));
      await edge.submit(job("1"));
      assertEquals((await eventsOf(edge, "1")).at(-1)!.type, "succeeded");
    });
  });

  it("does not draw what its caller was promised it would not", async () => {
    await using(async ({ edge, link, edgeOver, redis, worker }) => {
      const { engine } = await worker({ models: ["fake"] });
      const open = engine.hold();
      await edge.submit(job("first", { steps: 1 }));
      await until(() => engine.begun.length >= 1);
      await edge.depth();
      const letPass = link.hold();
      const id = makeJobId();
      const error = await assertRejects(
        () => edge.submit(job(id, {}, { keepMs: 60_000 })),
        ServeError,
      );
      assertEquals(error.status, 503);
      letPass();
      // it comes now; its cancellation comes after it, or before
      const other = edgeOver().edge;
      const client = new Redis(redis.url);
      const names = namesUnder("denoise");
      const state = () => client.hget(names.job(id), "state");
      await until(async () =>
        await state() === "ended" || await client.exists(`${names.root}:cancelled:${id}`) > 0
      );
      await other.submit(job("2"));
      open();
      await eventsOf(other, "2");
      assertEquals(engine.begun.map(({ id }) => id), ["first", "2"]);
      client.disconnect();
    });
  });

  it("ends what a caller waits for whose edge is gone", async () => {
    await using(async ({ edge, link, edgeOver, worker }) => {
      const { engine } = await worker();
      const open = engine.hold();
      await edge.submit(job("1"));
      await until(() => engine.begun.length >= 1);
      link.set("cut");
      const other = edgeOver().edge;
      await until(async () => (await other.find("1")).status === "failed");
      // an edge that lives says so; its caller has cancelled nothing, and can ask again
      assertEquals((await other.find("1")).latest.failed!.failure.code, "shutting_down");
      open();
      assertEquals(engine.steps, 0);
    }, { callerMs: 5_000 });
  });

  it("compares no clocks of different hosts", async () => {
    await using(async ({ edge, worker }) => {
      await worker();
      for (const skew of [-900_000, 900_000]) {
        await edge.submit(job(`${skew}`, {}, { createdAt: Date.now() + skew }));
        assertEquals((await eventsOf(edge, `${skew}`)).at(-1)!.type, "succeeded");
      }
    });
  });

  it("never walks over all keys, and keeps what was there only for ids that callers chose", async () => {
    await using(async ({ edge, worker, redis }) => {
      const catalog = redisCatalog(redis.url);
      await worker();
      await catalog.ready();
      const made = makeJobId();
      for (const id of ["chosen", made]) {
        await edge.submit(job(id, {}, { keepMs: 60_000 }));
        await eventsOf(edge, id);
      }
      const client = new Redis(redis.url);
      const calls = async (command: string) =>
        Number(
          (await client.info("commandstats")).match(
            new RegExp(`cmdstat_${command}:calls=(\\d+)`),
          )?.[1] ?? 0,
        );
      const before = await calls("evalsha");
      await until(async () => await calls("evalsha") > before + 10); // what is done each second was done
      assertEquals([await calls("keys"), await calls("scan")], [0, 0]);
      const had = await client.keys("*:had:*");
      assertEquals(had.map((key) => key.split(":").at(-1)), ["chosen"]);
      catalog.close();
      client.disconnect();
    });
  });

  it("says which versions do not understand each other", async () => {
    await using(async ({ redis }) => {
      const client = new Redis(redis.url);
      const stranger = { version: "9.9.9", protocol: 1, models: [{ id: "fake" }] };
      await client.zadd("denoise:members", Date.now() + 60_000, "x");
      await client.hset("denoise:members:texts", "x", JSON.stringify(stranger));
      const catalog = redisCatalog(redis.url);
      const error = await assertRejects(() => catalog.ready(), ServeError, "9.9.9");
      assertEquals(error.code, "model_unavailable");
      catalog.close();
      client.disconnect();
    });
  });

  it("drops the images that a job was given, and gives the key of those that it made", async () => {
    await using(async ({ edge, worker, redis }) => {
      await worker();
      await edge.submit(job("1", { image: Uint8Array.of(1) }, { keepMs: 60_000 }));
      await eventsOf(edge, "1");
      const keys = await Promise.all(
        [0, 1].map(async () => (await edge.find("1")).latest.succeeded!.images[0]!.key),
      );
      assert(keys[0] !== undefined && keys[0] === keys[1], "one image, one file");
      const client = new Redis(redis.url);
      await until(async () => (await client.keys("denoise:file:*")).length === 1);
      client.disconnect();
    });
  });

  it("carries audio, with its key and without it", async () => {
    await using(async ({ edge, worker }) => {
      await worker({ info: FAKE_AUDIO });
      const input = { count: 2, format: "wav", seconds: 0.25 } as const;
      await edge.submit(job("1", input, { task: "text-to-audio", keepMs: 60_000 }));
      const last = (await eventsOf(edge, "1")).at(-1)!;
      assert(last.type === "succeeded");
      assertEquals(last.images, []);
      assertEquals(
        last.audios!.map(({ seconds, mediaType, recipe }) => [
          ...[seconds, mediaType, recipe["seed"]],
        ]),
        [[0.25, "audio/wav", "0"], [0.25, "audio/wav", "1"]],
      );
      assertEquals(last.audios![0]!.bytes.length, 44 + 4_000 + 1);
      const { latest: { succeeded } } = await edge.find("1");
      assert(succeeded!.audios!.every(({ key }) => key!.endsWith(".wav")));
    });
  });

  it("loses none of 1,000 jobs over links that are cut, stalled and slow, and none hangs", async () => {
    await using(async ({ edge, link, edgeOver, worker }) => {
      const edges = [{ edge, link }, edgeOver()];
      // a link that swallows everything is noticed after some seconds, and a lease is longer
      const workers = await Promise.all([1, 2, 3].map(() => worker({ stepMs: 1 }, 15_000)));
      const links = [...edges, ...workers].map(({ link }) => link);
      let cuts = 0;
      let done = false;
      async function breakLinks(): Promise<void> {
        for (let seed = 7; !done; seed = (seed * 48_271) % 2_147_483_647) {
          await pause(100 + seed % 200);
          const broken = links[seed % links.length]!;
          const how = seed % 4;
          if (how === 0) broken.kill();
          else if (how === 1) broken.delay(30);
          else broken.set(how === 2 ? "cut" : "dropped");
          cuts++;
          await pause(seed % 400);
          broken.delay(0);
          broken.set("open");
        }
      }
      const breaking = breakLinks();
      const ids = Array.from({ length: 1_000 }, (_, i) => `${i}`);
      const waiting = [...ids];
      async function client(at: number): Promise<void> {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
          const through = edges[at % 2]!.edge;
          // an id of the caller's own: asking again makes nothing twice
          const own = job(id, { seed: id, steps: 2 }, { keepMs: 600_000 });
          await askedAgain(() => through.submit(own));
          const last = (await eventsOf(through, id)).at(-1)!;
          assert(last.type === "succeeded", `${id}: ${JSON.stringify(last)}`);
          assertEquals(`${last.images[0]!.recipe["seed"]}`, id);
        }
      }
      try {
        await Promise.all(Array.from({ length: 20 }, (_, at) => client(at)));
      } finally {
        done = true;
        await breaking;
      }
      const begun = workers.reduce((sum, { engine }) => sum + engine.begun.length, 0);
      assert(begun - 1_000 <= cuts, `${begun} runs, ${cuts} cuts`);
    }, { bound: 1_000 });
  });
});

// clock: links break at any time, and who was refused comes again later
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
