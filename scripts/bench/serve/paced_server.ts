/**
 * A server like `deno task serve`, with models that only keep time: `fast`, `steady` (20 ms a step) and
 * `slow` (1 s a step). Its argument is how many jobs may wait.
 *
 * @module
 */
import { joinPath } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { childServingEngine, createApp, memoryQueue } from "@denoise/functions";
import { listen } from "../../../functions/http/listen.ts";
import { PacedPipeline } from "./paced_pipeline.ts";

const PACES = { fast: 0, steady: 20, slow: 1_000 };

/** A folder that looks like a model of that pace. */
async function writeModel(folder: string, id: string, stepMs: number): Promise<string> {
  const location = joinPath(folder, id);
  const scheduler = joinPath(location, "scheduler");
  await Deno.mkdir(scheduler, { recursive: true });
  const index = { _class_name: "PacedPipeline", scheduler: ["diffusers", "DDIMScheduler"] };
  const files = {
    "model_index.json": { ...index, step_ms: stepMs },
    "scheduler/scheduler_config.json": { _class_name: "DDIMScheduler" },
  };
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(joinPath(location, name), JSON.stringify(content));
  }
  return location;
}

const folder = await Deno.makeTempDir();
const models = await Promise.all(
  Object.entries(PACES).map(async ([id, ms]) => ({
    id,
    location: await writeModel(folder, id, ms),
  })),
);
const entry = new URL("./paced_child.ts", import.meta.url);
const plugins = registry.with([PacedPipeline]);
const engine = childServingEngine({ models, registry: plugins, entry, warmup: false });
const bound = Number(Deno.args[0] ?? 64);
const queue = memoryQueue(engine, { bound });
const app = createApp({ engine, registry: plugins, queue });
const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
console.log(`listens on ${server.url}`);
