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

/** Bytes that are free on the device, where it is a card that tells. */
export interface FreeMemory {
  /** Whoever holds the others. */
  readonly freeBytes?: number | undefined;
}

/** What the child tells. */
export type FromChild =
  | FreeMemory & {
    readonly op: "ready";
    readonly models: readonly ModelInfo[];
    readonly broken: readonly BrokenModel[];
    readonly timing: StartTiming;
  }
  | FreeMemory & { readonly op: "models"; readonly models: readonly ModelInfo[] }
  | { readonly op: "unable"; readonly message: string }
  | FreeMemory & { readonly op: "pong" }
  | { readonly op: "event"; readonly id: number; readonly event: RunEvent }
  | FreeMemory & { readonly op: "end"; readonly id: number; readonly failure?: JobFailure };
