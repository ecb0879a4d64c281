/**
 * The command line of denoise:
 *
 *     deno run -A jsr:@denoise/cli generate "red apple on a blue background"
 *     node node_modules/@denoise/cli/main.js generate "red apple on a blue background"
 *
 * @module
 */
import process from "node:process";
import { runCli } from "./program.ts";

export { runCli };

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
