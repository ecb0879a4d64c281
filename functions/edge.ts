/**
 * `deno task edge`: the HTTP function without a model; workers elsewhere take its jobs from Redis.
 *
 * @module
 */
import { VERSION } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { type Program, runProgram } from "./program.ts";
import { edge } from "./scale_out.ts";

const program: Program = {
  name: "edge",
  summary: "images over HTTP, made by workers elsewhere",
  async start(settings, options) {
    const running = await edge(settings, registry, options);
    console.log(`denoise ${VERSION} edge listens on ${running.url}`);
    return running;
  },
};

if (import.meta.main) Deno.exit(await runProgram(program, Deno.args));
