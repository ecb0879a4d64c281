/**
 * The program of {@linkcode childServingEngine}'s process, with the built-in plugins.
 *
 * @module
 */
import { registry } from "@denoise/denoise/registry";
import { runChild } from "./run_child.ts";

await runChild(registry);
