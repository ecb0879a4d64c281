import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise/registry";
import { job, TINY } from "../tests/jobs.ts";
import { childServingEngine } from "./child.ts";

describe("childServingEngine() with models that never load", () => {
  it("ends the child after the time to load, and starts it again", async () => {
    const reasons: string[] = [];
    const twice = Promise.withResolvers<void>();
    const engine = childServingEngine({
      models: [{ id: "tiny", location: TINY }],
      registry,
      entry: new URL("../tests/deaf_child.ts", import.meta.url),
      loadMs: 1_000,
      onLost(reason): void {
        if (reasons.push(reason) === 2) twice.resolve();
      },
    });
    const gone = new AbortController();
    const run = engine.run(job("1"), gone.signal).next();
    await twice.promise;
    assertEquals(reasons[0], "it had not loaded its models after 1 seconds");
    assertEquals([reasons[1], engine.state.phase], [reasons[0], "starting"]);
    gone.abort();
    await assertRejects(() => run);
    await engine.close();
  });
});
