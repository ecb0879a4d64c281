import type { Job, JobFailure, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { BrokenModel, ModelOptions, StartTiming } from "./engine.ts";
import type { LocatedModel } from "./locate.ts";

/** Messages to the child. */
export type ToChild =
  | {
    readonly op: "load";
    readonly models: readonly LocatedModel[];
    readonly options: ModelOptions;
  }
  | { readonly op: "run"; readonly id: number; readonly job: Job }
  | { readonly op: "cancel"; readonly id: number }
  | { readonly op: "ping" };

/** What the child tells. */
export type FromChild =
  | {
    readonly op: "ready";
    readonly models: readonly ModelInfo[];
    readonly broken: readonly BrokenModel[];
    readonly timing: StartTiming;
  }
  | { readonly op: "models"; readonly models: readonly ModelInfo[] }
  | { readonly op: "unable"; readonly message: string }
  | { readonly op: "pong" }
  | { readonly op: "event"; readonly id: number; readonly event: RunEvent }
  | { readonly op: "end"; readonly id: number; readonly failure?: JobFailure };
