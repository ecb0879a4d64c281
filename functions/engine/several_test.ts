import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registry } from "@denoise/denoise/registry";
import { ServeError } from "../contract/errors.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import { memoryQueue } from "../queue/memory_queue.ts";
import { FAKE_MODEL, FakeEngine } from "../tests/fake_engine.ts";
import { job as anyJob, TINY } from "../tests/jobs.ts";
import { post } from "../tests/app.ts";
import { startProgram, untilReady } from "../tests/programs.ts";
import { endOfJob } from "../tests/queues.ts";
import { serve } from "../serve.ts";
import { readSettings } from "../settings.ts";
import { severalEngines } from "./several.ts";
import { until } from "../../tests/support/until.ts";

const job: typeof anyJob = (id, input, rest) => anyJob(id, input, { model: "a", ...rest });

/** Two fake devices that hold these models. */
function devices(...held: readonly (readonly ModelInfo[])[]) {
  const engines = held.map((models) => {
    const engine = new FakeEngine();
    engine.state = { phase: "ready", models, timing: { downloadMs: 0, loadMs: 0, warmupMs: 0 } };
    return engine;
  });
  const parts = engines.map((engine, i) => ({ device: `cuda:${i}` as const, engine }));
  return { engines, several: severalEngines(parts, { order: ["a", "b"], bytesOfDevice: 100 }) };
}

const model = (id: string, state: "loaded" | "unloaded", bytes = 10): ModelInfo => ({
  ...FAKE_MODEL,
  id,
  state,
  bytes,
});

describe("severalEngines()", () => {
  it("places a run where the fewest are, then where its model is, then where memory is free", async () => {
    const { engines, several } = devices(
      [model("a", "unloaded"), model("b", "loaded", 50)],
      [model("a", "loaded"), model("b", "unloaded", 50)],
      [model("a", "unloaded"), model("b", "unloaded", 50)],
    );
    const opens = engines.map((engine) => engine.hold());
    const queue = memoryQueue(several, { concurrency: 3 });
    for (const id of ["1", "2", "3"]) {
      await queue.submit(job(id));
      await until(() => engines.some(({ begun }) => begun.some((one) => one.id === id)));
    }
    assertEquals(engines.map(({ begun }) => begun.map(({ id }) => id)), [["3"], ["1"], ["2"]]);
    assertEquals(several.devices!.map(({ device, runs, heldBytes }) => [device, runs, heldBytes]), [
      ["0:cuda:0", 1, 50],
      ["1:cuda:1", 1, 10],
      ["2:cuda:2", 1, 0],
    ]);
    opens.forEach((open) => open());
    await Promise.all(["1", "2", "3"].map((id) => endOfJob(queue, id)));
    await queue.close(0);
  });

  it("places a run where the card has room for its model, whoever else holds memory there", async () => {
    const { engines, several } = devices(
      [model("a", "unloaded", 60), model("b", "loaded", 10)],
      [model("a", "unloaded", 60), model("b", "unloaded", 10)],
      [model("a", "unloaded", 60), model("b", "unloaded", 10)],
    );
    [55, 40, 90].forEach((free, i) => engines[i]!.freeBytes = free);
    const opens = engines.map((engine) => engine.hold());
    const queue = memoryQueue(several, { concurrency: 4 });
    const begun = () => engines.map(({ begun }) => begun.map(({ id }) => id));
    // the third has most; then the first, whose idle model makes room; then none but the third has
    for (const [id, wanted] of [["1", 2], ["2", 0], ["3", 2]] as const) {
      await queue.submit(job(id));
      await until(() => begun()[wanted]!.includes(id));
      engines[wanted]!.freeBytes! -= id === "1" ? 20 : 0;
    }
    assertEquals(begun(), [["2"], [], ["1", "3"]]);
    assertEquals(several.devices!.map(({ freeBytes }) => freeBytes), [55, 40, 70]);
    opens.forEach((open) => open());
    await Promise.all(["1", "2", "3"].map((id) => endOfJob(queue, id)));
    await queue.close(0);
  });

  it("lists each model once, is ready with one device, and takes no other model", async () => {
    const { engines, several } = devices([model("b", "unloaded")], [
      model("b", "loaded"),
      model("a", "unloaded"),
    ]);
    const ready = await several.ready();
    assertEquals(ready.map(({ id, state }) => [id, state]), [["a", "unloaded"], ["b", "loaded"]]);
    engines[0]!.restart();
    assertEquals(several.state.phase, "ready");
    assertEquals(several.devices!.map(({ phase }) => phase), ["starting", "ready"]);
    const run = several.run(job("1", {}, { model: "none" }), new AbortController().signal);
    const error = await assertRejects(() => run.next(), ServeError);
    assertEquals(error.code, "model_not_found");
    engines[1]!.restart();
    assertEquals(several.state.phase, "starting");
  });

  it("gives the runs of a device that is lost to another one", async () => {
    const { engines, several } = devices([model("a", "loaded")], [model("a", "loaded")]);
    const lost = new ServeError("engine_lost", "gone");
    engines[0]!.run = async function* () {
      engines[0]!.restart();
      yield* [];
      throw lost;
    };
    const queue = memoryQueue(several, { concurrency: 2 });
    await queue.submit(job("1"));
    assertEquals(await endOfJob(queue, "1"), "succeeded");
    assertEquals(engines[1]!.begun.map(({ id }) => id), ["1"]);
    await queue.close(0);
  });
});

/** The processes that a process has started. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.trim().split(" ").filter(Boolean).map(Number);
}

describe("deno task serve with two devices", { ignore: Deno.build.os !== "linux" }, () => {
  it("has a child for each, draws the same on both, and goes on when one is killed", async () => {
    const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };
    await using server = await startProgram("serve", { ...env, DENOISE_DEVICE: "cpu,cpu" });
    await server.alive(untilReady(server.url));
    const body = { prompt: "a cat", num_inference_steps: 3, seed: 1 };
    const draw = async () => {
      const response = await server.alive(
        fetch(`${server.url}/v1/images/generations`, post(body)),
      );
      const { data } = await response.json();
      return [response.status, data?.[0].b64_json];
    };
    const images = await Promise.all([1, 2, 3, 4].map(draw));
    assert(images.every(([status, image]) => status === 200 && image === images[0]![1]));
    const children = await childrenOf(server.process.pid);
    assertEquals(children.length, 2);
    const going = Promise.all([1, 2, 3, 4].map(draw));
    Deno.kill(children[0]!, "SIGKILL");
    for (const one of await going) assertEquals(one, images[0]);
    const probe = await fetch(`${server.url}/readyz`);
    assertEquals(probe.status, 200);
    const { devices } = await probe.json();
    assertEquals(devices.map(({ device }: { device: string }) => device), ["0:cpu", "1:cpu"]);
  });

  it("are refused for an engine in the same process", async () => {
    const settings = () => readSettings({ DENOISE_DEVICE: "cpu,cpu", DENOISE_ENGINE: "inline" });
    await assertRejects(async () => await serve(settings(), registry), Error, "DENOISE_DEVICE");
  });
});
