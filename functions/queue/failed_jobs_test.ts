/**
 * What holds for every queue: how long jobs may take, which of those that failed are kept, and what an
 * owner's are.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ServeError } from "../contract/errors.ts";
import type { ModelDepth } from "./queue.ts";
import { FakeEngine } from "../tests/fake_engine.ts";
import { job as anyJob } from "../tests/jobs.ts";
import { endOfJob, eventsOf, queueKinds } from "../tests/queues.ts";

/** A job for the fake engine's model, which can be looked up. */
const job: typeof anyJob = (id, input, rest) =>
  anyJob(id, input, { model: "fake", keepMs: 60_000, ...rest });

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(call, ServeError)).code;
}

for (const { name, ignore, using } of queueKinds) {
  describe(`${name}: times`, { ignore }, () => {
    it("ends what no engine takes in the time that requests wait, and not what runs", async () => {
      const engine = new FakeEngine();
      const open = engine.hold();
      await using(engine, { queueTimeoutMs: 1_000 }, async (queue) => {
        await queue.submit(job("runs"));
        for await (const { type } of queue.follow("runs")) if (type === "started") break;
        await queue.submit(job("waits"));
        assertEquals(await endOfJob(queue, "waits"), "queue_timeout");
        assertEquals((await queue.find("runs")).status, "running");
        open();
        assertEquals(await endOfJob(queue, "runs"), "succeeded");
      });
    });

    it("ends what runs for too long, however long it has waited", async () => {
      const engine = new FakeEngine();
      const open = engine.hold();
      await using(engine, { runTimeoutMs: 1_500 }, async (queue) => {
        await queue.submit(job("first"));
        await queue.submit(job("second"));
        assertEquals(await endOfJob(queue, "first"), "timeout");
        for await (const { type } of queue.follow("second")) if (type === "started") break;
        open();
        assertEquals(await endOfJob(queue, "second"), "succeeded");
      });
    });

    it("ends what takes longer than its caller gives it, waiting or running", async () => {
      const engine = new FakeEngine();
      engine.hold();
      await using(engine, {}, async (queue) => {
        await queue.submit(job("runs", {}, { timeoutMs: 1_000 }));
        await queue.submit(job("waits", {}, { timeoutMs: 500 }));
        const ends = await Promise.all(["runs", "waits"].map((id) => endOfJob(queue, id)));
        assertEquals(ends, ["expired", "expired"]);
        assertEquals(await queue.deadLetters.list(), []);
      });
    });
  });

  describe(`${name}: dead letters`, { ignore }, () => {
    it("are jobs that failed by a fault of the server, and are tried again before all others", async () => {
      let isBroken = true;
      const errors: Record<string, Error> = {
        nan: new ServeError("nan_output", "NaN"),
        broken: new Error("broken"),
        wrong: new ServeError("invalid_input", "wrong"),
      };
      const engine = new FakeEngine({ fail: ({ id }) => isBroken ? errors[id] : undefined });
      await using(engine, {}, async (queue) => {
        const image = Uint8Array.of(1, 2, 3);
        for (const id of Object.keys(errors)) await queue.submit(job(id, { image, seed: "7" }));
        for (const id of Object.keys(errors)) await endOfJob(queue, id);
        const letters = await queue.deadLetters.list();
        assertEquals(
          letters.map(({ job, failure }) => [job.id, failure.code, job.owner, job.input.image]),
          [["broken", "internal", "test", undefined], ["nan", "nan_output", "test", undefined]],
        );
        assert(letters.every(({ failedAt }) => Math.abs(Date.now() - failedAt) < 60_000));

        isBroken = false;
        const open = engine.hold();
        await queue.submit(job("holds"));
        for await (const { type } of queue.follow("holds")) if (type === "started") break;
        await queue.submit(job("waits"));
        await queue.deadLetters.retry("nan", 60_000);
        assertEquals(await codeOf(() => queue.deadLetters.retry("nan", 60_000)), "not_found");
        assertEquals((await queue.find("nan")).status, "queued");
        open();
        const events = await eventsOf(queue, "nan");
        assertEquals([events[0]!.type, events.at(-1)!.type], ["queued", "succeeded"]);
        await endOfJob(queue, "waits");
        const begun = engine.begun.filter(({ id }) => id === "nan" || id === "waits");
        assertEquals(begun.map(({ id }) => id), ["nan", "nan", "waits"]);
        assertEquals(begun[1]!.input.image, image, "what it was given is given again");
        const { models, ...depth } = await queue.depth();
        assertEquals(depth, { waiting: 0, running: 0, bound: 64 });
        const [{ runMs, engines = 1, ...ofModel }] = models as [ModelDepth];
        assertEquals([ofModel, engines], [{ model: "fake", waiting: 0, running: 0 }, 1]);
        assert(runMs! >= 0 && runMs! < 60_000);
        assertEquals((await queue.deadLetters.list()).map(({ job }) => job.id), ["broken"]);
      });
    });

    it("that fail again come back, are dropped, and are not retried while they are under way", async () => {
      const engine = new FakeEngine({ fail: () => new Error("broken") });
      await using(engine, {}, async (queue) => {
        await queue.submit(job("one"));
        await endOfJob(queue, "one");
        await queue.deadLetters.retry("one", 60_000);
        await endOfJob(queue, "one");
        assertEquals((await queue.deadLetters.list()).map(({ job }) => job.id), ["one"]);
        await queue.deadLetters.drop("one");
        assertEquals(await queue.deadLetters.list(), []);
        const { deadLetters } = queue;
        assertEquals(await codeOf(() => deadLetters.drop("one")), "not_found");
        assertEquals(await codeOf(() => deadLetters.retry("none", 1)), "not_found");
      });
    });

    it("are so many at most, of which the oldest make room", async () => {
      const engine = new FakeEngine({ fail: () => new Error("broken") });
      await using(engine, { maxDeadLetters: 2 }, async (queue) => {
        for (const id of ["1", "2", "3"]) {
          await queue.submit(job(id));
          await endOfJob(queue, id);
        }
        const ids = (await queue.deadLetters.list()).map(({ job }) => job.id);
        assertEquals(ids, ["3", "2"]);
      });
      await using(engine, { maxDeadLetters: 0 }, async (queue) => {
        await queue.submit(job("none"));
        await endOfJob(queue, "none");
        assertEquals(await queue.deadLetters.list(), []);
      });
    });
  });

  describe(`${name}: lists`, { ignore }, () => {
    it("have an owner's jobs that can be looked up, the newest first", async () => {
      await using(new FakeEngine(), {}, async (queue) => {
        for (const id of ["1", "2", "3"]) await queue.submit(job(id));
        await queue.submit(job("other", {}, { owner: "another" }));
        await queue.submit(job("waited-for", {}, { keepMs: 0 }));
        for (const id of ["1", "2", "3", "other"]) await endOfJob(queue, id);
        assertEquals(await queue.idsOf("test"), ["3", "2", "1"]);
        const records = await queue.findAll(["3", "none", "1"]);
        assertEquals(records.map(({ job, status }) => [job.id, status]), [
          ["3", "succeeded"],
          ["1", "succeeded"],
        ]);
        assertEquals(records[0]!.latest.succeeded!.images[0]!.width, 64);
        assertEquals(await queue.idsOf("nobody"), []);
      });
    });
  });
}
