/**
 * The program of {@linkcode childServingEngine}'s process: the built-in plugins, and those of the modules that
 * its arguments name.
 *
 * @module
 */
import { registry } from "@denoise/denoise/registry";
import { importPlugins } from "@denoise/loading";
import { runChild } from "./run_child.ts";

await runChild(registry.with(await importPlugins(Deno.args)));
