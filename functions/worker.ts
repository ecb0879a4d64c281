/**
 * `deno task worker`: holds the models and takes jobs from Redis.
 *
 * @module
 */
import { VERSION } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { logReady } from "./observe/log_ready.ts";
import { type Program, runProgram } from "./program.ts";
import { worker } from "./scale_out.ts";

const program: Program = {
  name: "worker",
  summary: "makes the images that edges are asked for",
  async start(settings, options) {
    const running = await worker(settings, registry, options);
    console.log(`denoise ${VERSION} worker tells how it does on ${running.url}`);
    logReady(running.engine);
    return running;
  },
};

if (import.meta.main) Deno.exit(await runProgram(program, Deno.args));
