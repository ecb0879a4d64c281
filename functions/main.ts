/**
 * `deno task serve`: the HTTP function with its engine, set by DENOISE_* variables.
 *
 * @module
 */
import { VERSION } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { logReady } from "./observe/log_ready.ts";
import { type Program, runProgram } from "./program.ts";
import { serve } from "./serve.ts";

const program: Program = {
  name: "serve",
  summary: "images over HTTP",
  async start(settings, options) {
    const server = await serve(settings, registry, options);
    const { url, engine } = server;
    const key = settings.keys.length === 0 ? "" : ` -H "authorization: Bearer $KEY"`;
    console.log(`denoise ${VERSION} listens on ${url}`);
    console.log(
      `  curl ${url}/v1/images/generations${key} -H "content-type: application/json" ` +
        `-d '{"prompt": "a red apple"}'`,
    );
    logReady(engine);
    return server;
  },
};

if (import.meta.main) Deno.exit(await runProgram(program, Deno.args));
