/**
 * What can be wrong with a card, by a fake CUDA that has the fault (scripts/gpu/fake/build.sh): whoever
 * asked is told what it is and what to do, and a job whose card was lost is run once more.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { fixture } from "./support/golden.ts";

const folder = Deno.env.get("DENOISE_FAKE_CUDA") ?? "0";
const ignore = folder === "0";

const TINY = fixture("tiny-stable-diffusion");

/** What a program prints at its end. */
interface Result {
  readonly code?: string;
  readonly message?: string;
  readonly events?: readonly string[];
  readonly images?: number;
  readonly before?: number;
  readonly after?: number;
}

/** Runs a program on a fake card with a fault. */
async function onFaultyCard(env: Record<string, string>, program: string): Promise<Result> {
  const dir = new URL(".", import.meta.url).pathname;
  const file = await Deno.makeTempFile({ dir, prefix: "program_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", file],
      env: { LD_LIBRARY_PATH: folder, DENOISE_ONNXRUNTIME: folder, ...env },
      signal: AbortSignal.timeout(120_000),
    }).output();
    const [said, problem] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, problem);
    return JSON.parse(/^result:(.*)$/m.exec(said!)![1]!);
  } finally {
    await Deno.remove(file);
  }
}

/** Loads a small pipeline, brings it to the card and calls it; what goes wrong is the result. */
const CALL = `
import { DiffusionPipeline } from "@denoise/denoise";
const tell = (value) => console.log("result:" + JSON.stringify(value));
try {
  const pipe = await DiffusionPipeline.fromPretrained(${JSON.stringify(TINY)});
  await pipe.to("cuda");
  const { images } = await pipe("a cat", { numInferenceSteps: 2, height: 16, width: 16 });
  tell({ images: images.length });
} catch (error) {
  tell({ code: error.code, message: error.message });
}
Deno.exit();`;

/** Serves the pipeline from the card and runs one job. */
const JOB = `
import { registry } from "@denoise/denoise/registry";
import { childServingEngine } from "../functions/engine/child.ts";
import { runAttempts } from "../functions/queue/run_attempts.ts";
import { job } from "../functions/tests/jobs.ts";
const models = [{ id: "tiny", location: ${JSON.stringify(TINY)} }];
const engine = childServingEngine({ models, registry, device: "cuda", warmup: false });
await engine.ready();
const events = [];
let message;
for await (const event of runAttempts(engine, job("1", { steps: 2 }), new AbortController().signal)) {
  if (event.type === "started") events.push("started " + event.attempt);
  if (event.type === "succeeded") events.push("succeeded");
  if (event.type === "failed") {
    events.push("failed " + event.failure.code);
    message = event.failure.message;
  }
}
events.push("restarts " + engine.restarts);
await engine.close();
console.log("result:" + JSON.stringify({ events, message }));
Deno.exit();`;

/** Serves the pipeline from the card, runs one job, and prints how much of the card is free. */
const FREE = `
import { registry } from "@denoise/denoise/registry";
import { childServingEngine } from "../functions/engine/child.ts";
import { job } from "../functions/tests/jobs.ts";
const models = [{ id: "tiny", location: ${JSON.stringify(TINY)} }];
const engine = childServingEngine({ models, registry, device: "cuda", warmup: false });
await engine.ready();
const before = engine.freeBytes;
const run = engine.run(job("1", { steps: 2 }), new AbortController().signal);
while (!(await run.next()).done);
const after = engine.freeBytes;
await engine.close();
console.log("result:" + JSON.stringify({ before, after }));
Deno.exit();`;

/** A folder whose cuBLAS is of another version, without the provider's functions. */
async function otherVersion(): Promise<string> {
  const other = await Deno.makeTempDir({ prefix: "denoise-" });
  const args = ["-x", "c", "-shared", "-fPIC", "-Wl,-soname,libcublas.so.13", "-"];
  const gcc = new Deno.Command("gcc", {
    args: [...args, "-o", `${other}/libcublas.so.13`],
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  const source = gcc.stdin.getWriter();
  await source.write(new TextEncoder().encode("int none;"));
  await source.close();
  const { success, stderr } = await gcc.output();
  assert(success, new TextDecoder().decode(stderr));
  return other;
}

describe("a card that is served from", { ignore }, () => {
  it("tells how much of its memory is free", async () => {
    const { before, after } = await onFaultyCard({ CUDA_FAKE_MEMORY: `${2 ** 30}` }, FREE);
    assert(before! <= 2 ** 30 && after! < before! && after! > 2 ** 29, `${before}, ${after}`);
  });
});

describe("a card with a fault", { ignore }, () => {
  it("without one, a call runs", async () => {
    assertEquals(await onFaultyCard({}, CALL), { images: 1 });
  });

  it("a driver too old is named with the version that is wanted", async () => {
    const { code, message } = await onFaultyCard({ CUDA_FAKE_FAULT: "35@0" }, CALL);
    assertEquals(code, "runtime_unavailable");
    assert(message!.includes("driver is too old") && message!.includes("580"), message);
  });

  it("a library of another version is named", async () => {
    const other = await otherVersion();
    try {
      const { code, message } = await onFaultyCard(
        { LD_LIBRARY_PATH: `${other}:${folder}` },
        CALL,
      );
      assertEquals(code, "runtime_unavailable");
      assert(message!.includes("libcublas.so.13"), message);
      assert(message!.includes("of another version"), message);
    } finally {
      await Deno.remove(other, { recursive: true });
    }
  });

  it("a card without memory for the model says how to need less", async () => {
    const { code, message } = await onFaultyCard({ CUDA_FAKE_MEMORY: `${2 ** 21}` }, CALL);
    assertEquals(code, "out_of_memory");
    assert(message!.includes("the card has not enough memory"), message);
  });

  it("a card that is lost in a call is told to the caller", async () => {
    const { code, message } = await onFaultyCard({ CUDA_FAKE_FAULT: "719@2000" }, CALL);
    assertEquals(code, "engine_lost");
    assert(message!.includes("719") && message!.includes("restarted"), message);
  });

  it("a job whose card is lost is run once more, by an engine that starts again", async () => {
    const once = await Deno.makeTempFile();
    const { events } = await onFaultyCard({ CUDA_FAKE_FAULT: `719@500:${once}` }, JOB);
    assertEquals(events, ["started 1", "started 2", "succeeded", "restarts 1"]);
  });

  it("a job that loses the card twice fails, and the caller is told", async () => {
    const { events, message } = await onFaultyCard({ CUDA_FAKE_FAULT: "719@500" }, JOB);
    assertEquals(events!.slice(0, 3), ["started 1", "started 2", "failed engine_lost"]);
    assert(message !== undefined && message !== "");
  });
});
