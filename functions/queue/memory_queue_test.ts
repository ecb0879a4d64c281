import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as fc from "fast-check";
import { ServeError } from "../contract/errors.ts";
import type { JobEvent } from "../contract/job.ts";
import { FakeEngine } from "../tests/fake_engine.ts";
import { job } from "../tests/jobs.ts";
import { ByteBudget } from "./byte_budget.ts";
import { FairLine } from "./fair_line.ts";
import { KeptResults } from "./kept_results.ts";
import { memoryQueue } from "./memory_queue.ts";
import type { JobQueue } from "./queue.ts";

async function eventsOf(queue: JobQueue, id: string): Promise<JobEvent[]> {
  return await Array.fromAsync(queue.follow(id));
}

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(call, ServeError)).code;
}

describe("memoryQueue()", () => {
  it("tells everything from queued to the end, to those who come late too", async () => {
    const queue = memoryQueue(new FakeEngine());
    await queue.submit(job("1", { steps: 3 }, { keepMs: 60_000 }));
    const live = (await eventsOf(queue, "1")).map(({ type }) => type);
    assertEquals(live, ["queued", "started", "step", "step", "step", "succeeded"]);
    const late = (await eventsOf(queue, "1")).map(({ type }) => type);
    assertEquals(late, ["queued", "started", "step", "succeeded"]);
    const { status, latest, endedAt } = await queue.find("1");
    assertEquals([status, latest.step!.step, endedAt !== undefined], ["succeeded", 3, true]);
    await queue.close(0);
  });

  it("takes 64 jobs beside the one that runs, then says when to come again", async () => {
    const engine = new FakeEngine();
    const open = engine.hold();
    const queue = memoryQueue(engine);
    for (let i = 0; i < 65; i++) assert(await queue.submit(job(`${i}`)));
    const error = await assertRejects(() => queue.submit(job("late")), ServeError);
    assertEquals(error.code, "queue_full");
    assert(error.retryAfterMs! >= 1_000);
    assertEquals(await queue.depth(), {
      waiting: 64,
      running: 1,
      bound: 64,
      models: [{ model: "tiny", waiting: 64, running: 1, runMs: undefined }],
    });
    open();
    await queue.close(10_000);
    assertEquals(engine.begun.length, 65);
  });

  it("has places for every key, however many another one takes", async () => {
    const engine = new FakeEngine();
    engine.hold();
    const queue = memoryQueue(engine, { bound: 4, share: 2, placesOf: (o) => o === "c" ? 1 : 9 });
    for (let i = 0; i < 5; i++) await queue.submit(job(`a${i}`, {}, { owner: "a" }));
    assertEquals(await codeOf(() => queue.submit(job("a5", {}, { owner: "a" }))), "queue_full");
    for (const id of ["b1", "b2"]) await queue.submit(job(id, {}, { owner: "b" }));
    assertEquals(await codeOf(() => queue.submit(job("b3", {}, { owner: "b" }))), "queue_full");
    await queue.submit(job("c1", {}, { owner: "c" }));
    assertEquals(await codeOf(() => queue.submit(job("c2", {}, { owner: "c" }))), "queue_full");
    assertEquals((await queue.find("b1")).position, 1);
    await queue.close(0);
  });

  it("serves who waits before what does not matter when", async () => {
    const engine = new FakeEngine();
    const open = engine.hold();
    const queue = memoryQueue(engine);
    for (const id of ["first", "b1", "b2"]) await queue.submit(job(id, {}, { priority: "batch" }));
    await queue.submit(job("a1", {}, { owner: "a", priority: "interactive" }));
    assertEquals((await queue.find("a1")).position, 0);
    open();
    await queue.close(10_000);
    assertEquals(engine.begun.map(({ id }) => id), ["first", "a1", "b1", "b2"]);
  });

  it("refuses images beyond the bytes that may wait, until a job has ended", async () => {
    const engine = new FakeEngine();
    const open = engine.hold();
    const queue = memoryQueue(engine, { files: new ByteBudget({ maxBytes: 10 }) });
    const image = new Uint8Array(6);
    await queue.submit(job("1", { image }));
    assertEquals(await codeOf(() => queue.submit(job("2", { image }))), "overloaded");
    open();
    await eventsOf(queue, "1");
    await queue.submit(job("3", { image }));
    await eventsOf(queue, "3");
    await queue.close(0);
  });

  it("serves owners in turn", async () => {
    const engine = new FakeEngine();
    const open = engine.hold();
    const queue = memoryQueue(engine);
    await queue.submit(job("first", {}, { owner: "a" }));
    for (const id of ["a1", "a2", "a3"]) await queue.submit(job(id, {}, { owner: "a" }));
    await queue.submit(job("b1", {}, { owner: "b" }));
    assertEquals((await queue.find("b1")).position, 1);
    open();
    await queue.close(10_000);
    assertEquals(engine.begun.map(({ id }) => id), ["first", "a1", "b1", "a2", "a3"]);
  });

  it("takes an id once", async () => {
    const engine = new FakeEngine();
    const queue = memoryQueue(engine);
    const same = Array.from(
      { length: 100 },
      () => queue.submit(job("one", {}, { keepMs: 60_000 })),
    );
    assertEquals((await Promise.all(same)).filter(Boolean).length, 1);
    await eventsOf(queue, "one");
    assertEquals(await queue.submit(job("one")), false);
    assertEquals(engine.begun.length, 1);
    await queue.close(0);
  });

  it("cancels what waits without running it, and what runs before its next step", async () => {
    const engine = new FakeEngine();
    const open = engine.hold();
    const queue = memoryQueue(engine);
    for (const id of ["runs", "waits"]) await queue.submit(job(id, {}, { keepMs: 60_000 }));
    await queue.cancel("waits");
    await queue.cancel("runs");
    await queue.cancel("none");
    open();
    assertEquals((await eventsOf(queue, "waits")).at(-1)!.type, "canceled");
    assertEquals((await eventsOf(queue, "runs")).at(-1)!.type, "canceled");
    assertEquals([engine.steps, engine.begun.some(({ id }) => id === "waits")], [0, false]);
    await queue.submit(job("next"));
    assertEquals((await eventsOf(queue, "next")).at(-1)!.type, "succeeded");
    await queue.close(0);
  });

  it("ends a job that takes too long", async () => {
    const engine = new FakeEngine();
    const open = engine.hold();
    const queue = memoryQueue(engine, { timeoutMs: 5 });
    await queue.submit(job("slow"));
    const last = (await eventsOf(queue, "slow")).at(-1)!;
    assert(last.type === "failed" && last.failure.code === "timeout");
    open();
    await queue.close(0);
  });

  it("tries a job once more when its engine was lost, and not a third time", async () => {
    const lost = () => new ServeError("engine_lost", "gone");
    const once = new FakeEngine({ fail: (_, __, attempt) => attempt === 1 ? lost() : undefined });
    const queue = memoryQueue(once);
    await queue.submit(job("1"));
    const events = await eventsOf(queue, "1");
    const attempts = events.flatMap((event) => event.type === "started" ? [event.attempt] : []);
    assertEquals([attempts, events.at(-1)!.type], [[1, 2], "succeeded"]);
    const always = new FakeEngine({ fail: lost });
    const other = memoryQueue(always);
    await other.submit(job("1"));
    const last = (await eventsOf(other, "1")).at(-1)!;
    assert(last.type === "failed" && last.failure.code === "engine_lost");
    assertEquals(always.begun.length, 2);
    await Promise.all([queue.close(0), other.close(0)]);
  });

  it("tells of errors of the server without what they say", async () => {
    const errors: unknown[] = [];
    const engine = new FakeEngine({ fail: () => new Error("secret /etc/passwd") });
    const queue = memoryQueue(engine, { onError: (_, error) => errors.push(error) });
    await queue.submit(job("1"));
    const last = (await eventsOf(queue, "1")).at(-1)!;
    assert(last.type === "failed" && !last.failure.message.includes("secret"));
    assertEquals(errors.length, 1);
    await queue.close(0);
  });

  it("fails what is left when it closes, and takes nothing more", async () => {
    const engine = new FakeEngine();
    engine.hold();
    const queue = memoryQueue(engine, { bound: 500 });
    for (let i = 0; i < 500; i++) await queue.submit(job(`${i}`, {}, { keepMs: 60_000 }));
    const ends = Promise.all(Array.from({ length: 500 }, (_, i) => eventsOf(queue, `${i}`)));
    await queue.close(5);
    for (const events of await ends) {
      const last = events.at(-1)!;
      assert(last.type === "failed" && last.failure.code === "shutting_down");
    }
    assertEquals(await codeOf(() => queue.submit(job("late"))), "shutting_down");
  });

  it("knows nothing of other ids", async () => {
    const queue = memoryQueue(new FakeEngine());
    assertEquals(await codeOf(() => queue.find("none")), "not_found");
    assertEquals(await codeOf(() => eventsOf(queue, "none")), "not_found");
    await queue.close(0);
  });

  it("ends jobs in whichever way, and each once, whatever is asked in whichever order", async () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant("submit" as const), owner: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ op: fc.constant("cancel" as const), at: fc.nat(40) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const engine = new FakeEngine();
        const open = engine.hold();
        const queue = memoryQueue(engine, { bound: 16 });
        const taken: string[] = [];
        for (const one of steps) {
          if (one.op === "cancel") await queue.cancel(`${one.at}`);
          else {
            const id = `${taken.length}`;
            const next = job(id, { steps: 1 }, { owner: `${one.owner}`, keepMs: 60_000 });
            await queue.submit(next).then(() => taken.push(id), () => {});
          }
        }
        open();
        for (const id of taken) {
          const ends = (await eventsOf(queue, id)).filter(({ type }) =>
            type === "succeeded" || type === "canceled"
          );
          assertEquals(ends.length, 1);
        }
        assertEquals((await queue.depth()).waiting, 0);
        await queue.close(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe("FairLine", () => {
  it("lists in the order in which it serves", () => {
    const items = fc.array(fc.record({ owner: fc.constantFrom("a", "b", "c"), n: fc.nat() }));
    fc.assert(fc.property(items, (all) => {
      const line = new FairLine<object>();
      all.forEach((item) => line.push(item.owner, item));
      const listed = [...line];
      const served = Array.from({ length: all.length }, () => line.shift());
      assertEquals(listed, served);
      assertEquals(line.shift(), undefined);
    }));
  });
});

describe("KeptResults", () => {
  it("makes room by dropping the oldest", () => {
    const dropped: string[] = [];
    const kept = new KeptResults(10, (id) => dropped.push(id));
    for (const id of ["a", "b", "c"]) kept.keep(id, "ann", 4, 60_000);
    assertEquals([dropped, kept.had("a"), kept.had("b")], [["a"], true, false]);
    kept.clear();
  });

  it("keeps so many of one owner, whose oldest make room, and none of others", () => {
    const dropped: string[] = [];
    const kept = new KeptResults(1_000_000, (id) => dropped.push(id));
    kept.keep("of bob", "bob", 1, 60_000);
    for (let i = 0; i < 1_005; i++) kept.keep(`${i}`, "ann", 1, 60_000);
    assertEquals(dropped, ["0", "1", "2", "3", "4"]);
    assertEquals(kept.bytes, 1_001);
    kept.clear();
    assertEquals(kept.bytes, 0);
  });
});

describe("ByteBudget", () => {
  it("refuses what is too much for one owner, or in all, and takes as much again when it is given back", () => {
    const budget = new ByteBudget({ maxBytes: 10, maxBytesPerOwner: 6 });
    budget.take("ann", 6);
    assertEquals(assertThrows(() => budget.take("ann", 1), ServeError).code, "overloaded");
    budget.take("bob", 4);
    assertThrows(() => budget.take("bob", 1), ServeError);
    budget.giveBack("ann", 6);
    budget.take("bob", 1);
    assertEquals(budget.taken, 5);
  });
});
