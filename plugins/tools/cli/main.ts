/**
 * The command line of denoise:
 *
 *     deno run -A jsr:@denoise/cli generate "red apple on a blue background"
 *
 * @module
 */
import { runCli } from "./program.ts";

export { runCli };

if (import.meta.main) Deno.exitCode = await runCli(Deno.args);
