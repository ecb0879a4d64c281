/**
 * The program of the engine's process with {@linkcode PacedPipeline}.
 *
 * @module
 */
import { registry } from "@denoise/denoise/registry";
import { runChild } from "@denoise/functions";
import { PacedPipeline } from "./paced_pipeline.ts";

await runChild(registry.with([PacedPipeline]));
