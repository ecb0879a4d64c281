import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeEngine } from "../tests/fake_engine.ts";
import { createMetrics, type MetricsNow } from "./metrics.ts";

/** The values of metrics with labels, by name and labels. */
async function valuesOf(now: Partial<MetricsNow>): Promise<Record<string, number>> {
  const models = new FakeEngine({ models: ["a", "b"] });
  const text = await createMetrics().text({ waiting: 0, running: 0, byModel: [], models, ...now });
  return Object.fromEntries(
    [...text.matchAll(/^denoise_(\w+)\{(?:model|device)="(.*)"\} (\S+)$/gm)]
      .map(([, name, label, value]) => [`${name} ${label}`, Number(value)]),
  );
}

describe("createMetrics()", () => {
  it("tells by model what waits, and how long that will take", async () => {
    const byModel = [{ model: "a", waiting: 5, running: 1, runMs: 2_000 }, {
      model: "gone",
      waiting: 1,
      running: 0,
    }];
    const values = await valuesOf({ byModel });
    assertEquals(values["model_queue_depth a"], 5);
    assertEquals(values["model_running_jobs a"], 1);
    assertEquals(values["model_engines a"], 1);
    assertEquals(values["model_wait_seconds a"], 12, "after the one that runs and five that wait");
    assertEquals([values["model_queue_depth b"], values["model_wait_seconds b"]], [0, 0]);
    assertEquals(values["model_queue_depth gone"], 1);
  });

  it("counts the engines that take a model's jobs, and the devices of one", async () => {
    const byModel = [{ model: "a", waiting: 3, running: 4, runMs: 1_000 }];
    const engine = new FakeEngine({ models: ["a"] });
    const catalog = (more: object) => Object.assign(Object.create(engine), more);
    const served = (engines: number) => [{ ...byModel[0]!, engines }];
    const elsewhere = await valuesOf({ byModel: served(4), models: engine });
    assertEquals(elsewhere["model_wait_seconds a"], 1);
    const devices = [
      { device: "0:cuda:0", phase: "ready", runs: 1, heldBytes: 7, freeBytes: 5 },
      { device: "1:cuda:1", phase: "starting", runs: 0, heldBytes: 0 },
    ];
    const here = await valuesOf({ byModel, models: catalog({ devices }) });
    assertEquals(here["model_engines a"], 1);
    assertEquals([here["device_ready 0:cuda:0"], here["device_ready 1:cuda:1"]], [1, 0]);
    assertEquals(here["device_weight_bytes 0:cuda:0"], 7);
    assertEquals(here["device_free_bytes 0:cuda:0"], 5);
    assertEquals(here["device_free_bytes 1:cuda:1"], undefined, "it is no card that tells");
    const nobody = await valuesOf({ byModel: served(0), models: engine });
    assertEquals(nobody["model_wait_seconds a"], undefined, "nobody can say");
  });
});
