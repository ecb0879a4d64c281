import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ProgressBar, tqdm } from "./mod.ts";
import { formatBar, formatCount, formatLine, formatRate, formatTime } from "./_format.ts";

/** A stream that keeps what is written, and a clock that is moved by hand. */
function fake(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  let time = 0;
  return {
    written,
    stream: { isTTY, columns, write: (text: string) => void written.push(text) },
    now: () => time,
    wait: (ms: number) => void (time += ms),
  };
}

describe("tqdm()", () => {
  it("gives the items and, on a terminal, draws a bar with speed and time left", () => {
    const { written, stream, now, wait } = fake(true);
    const seen: number[] = [];
    for (const item of tqdm([1, 2, 3, 4], { desc: "steps", stream, now })) {
      seen.push(item);
      wait(500);
    }
    assertEquals(seen, [1, 2, 3, 4]);
    assertEquals(written[0]!.startsWith("\rsteps:   0%|"), true);
    assert(written[2]!.includes("50%|") && written[2]!.includes("2/4 [00:01<00:01, 2.00it/s]"));
    assertEquals(written.at(-1), "\n");
    assert(written.every((line) => line.replace("\x1b[K", "").length <= 81));
  });

  it("writes plain lines at intervals and one at the end without a terminal", () => {
    const { written, stream, now, wait } = fake(false);
    for (const _ of tqdm(new Set([1, 2, 3, 4]), { stream, now, interval: 2 })) wait(1000);
    assertEquals(written, [
      "50% 2/4 [00:02<00:02, 1.00it/s]\n",
      "100% 4/4 [00:04<00:00, 1.00it/s]\n",
    ]);
  });

  it("walks through asynchronous items and keeps the return value", async () => {
    async function* steps(): AsyncGenerator<number, string> {
      yield await Promise.resolve(1);
      return "images";
    }
    const { written, stream, now } = fake(false);
    const run = tqdm(steps(), { stream, now });
    assertEquals(await run.next(), { done: false, value: 1 });
    assertEquals(await run.next(), { done: true, value: "images" });
    assertEquals(written, ["1it [00:00, ?it/s]\n"]);
  });

  it("ends the bar and the items when the loop is left early", () => {
    let isClosed = false;
    function* items(): Generator<number> {
      try {
        yield* [1, 2, 3];
      } finally {
        isClosed = true;
      }
    }
    const { written, stream, now } = fake(true);
    for (const _ of tqdm(items(), { stream, now })) break;
    assertEquals([isClosed, written.at(-1)], [true, "\n"]);
  });

  it("shows nothing when disabled", () => {
    const { written, stream } = fake(true);
    assertEquals([...tqdm([1, 2], { stream, disable: true })], [1, 2]);
    assertEquals(written, []);
  });

  it("throws on what is not iterable", () => {
    assertThrows(() => tqdm(3 as unknown as number[]), TypeError, "iterable");
  });
});

describe("ProgressBar", () => {
  it("counts bytes and takes a total that comes later", () => {
    const { written, stream, now, wait } = fake(false);
    const bar = new ProgressBar({ unit: "B", stream, now, interval: 1 });
    wait(2000);
    bar.update(5_000_000, 20_000_000);
    bar.stop();
    bar.stop();
    assertEquals(written[0], "25% 5.0MB/20.0MB [00:02<00:06, 2.5MB/s]\n");
    assertEquals(written.length, 1);
  });

  it("leaves nothing when it is cleared", () => {
    for (const isTTY of [true, false]) {
      const { written, stream, now } = fake(isTTY);
      const bar = new ProgressBar({ desc: "denoising", stream, now });
      bar.clear();
      bar.stop();
      assertEquals(written.slice(isTTY ? 1 : 0), isTTY ? ["\r\x1b[K"] : []);
    }
  });

  it("draws at most ten times a second", () => {
    const { written, stream, now, wait } = fake(true);
    const bar = new ProgressBar({ total: 1000, stream, now });
    for (let i = 0; i < 1000; i++) {
      wait(1);
      bar.increment();
    }
    assertEquals(written.length, 11);
  });
});

describe("formatLine()", () => {
  it("fits the columns for any count", () => {
    const counts = fc.record({ done: fc.nat(5000), rest: fc.nat(5000), seconds: fc.nat(90_000) });
    fc.assert(fc.property(counts, fc.integer({ min: 60, max: 200 }), (counts, columns) => {
      const { done, rest, seconds } = counts;
      const state = { desc: "steps", done, total: done + rest, seconds, unit: "it" };
      assert(formatLine(state, columns).length <= columns);
    }));
  });

  it("has parts as tqdm writes them", () => {
    assertEquals([formatTime(59.6), formatTime(3725), formatTime(Infinity)], [
      "01:00",
      "01:02:05",
      "?",
    ]);
    assertEquals([formatRate(10, 4, "it"), formatRate(1, 4, "it")], ["2.50it/s", "4.00s/it"]);
    assertEquals([formatCount(999, "B"), formatCount(999_999, "B")], ["999B", "1.0MB"]);
    assertEquals([formatBar(0.5, 4), formatBar(0.3125, 4), formatBar(2, 3)], [
      "██  ",
      "█▎  ",
      "███",
    ]);
  });
});
