import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";

describe("FakeTime", () => {
  it("runs timers in order when the clock passes them", () => {
    using time = new FakeTime(1000);
    const log: (string | number)[] = [];
    setTimeout(() => log.push("late", Date.now()), 30);
    setTimeout((name) => log.push(name, Date.now()), 10, "early");
    clearTimeout(setTimeout(() => log.push("never"), 5));
    time.tick(29);
    assertEquals(log, ["early", 1010]);
    time.tick(1);
    assertEquals(log, ["early", 1010, "late", 1030]);
  });

  it("repeats intervals", () => {
    using time = new FakeTime();
    let count = 0;
    const interval = setInterval(() => count++, 10);
    time.tick(35);
    clearInterval(interval);
    time.tick(100);
    assertEquals(count, 3);
  });

  it("fakes new Date() and lets promises run", async () => {
    using time = new FakeTime(5000);
    let woke = 0;
    const sleeper = (async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      woke = new Date().getTime();
    })();
    await time.tickAsync(100);
    await sleeper;
    assertEquals(woke, 5100);
    assertEquals(new Date(7).getTime(), 7);
  });

  it("gives the real clock back", () => {
    const { Date: realDate, setTimeout: realTimeout } = globalThis;
    new FakeTime().restore();
    assertEquals([globalThis.Date, globalThis.setTimeout], [realDate, realTimeout]);
  });
});
