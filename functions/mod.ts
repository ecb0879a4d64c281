/**
 * denoise as an HTTP function: one app with doors for the clients of several APIs over one queue and
 * one engine.
 *
 * @example
 * ```ts ignore
 * import { createApp, inlineServingEngine } from "@denoise/functions";
 * import { registry } from "@denoise/denoise/registry";
 *
 * const models = [{ id: "emoji", location: "denoise/emoji" }];
 * const app = createApp({ engine: inlineServingEngine({ models, registry }), registry });
 * Deno.serve(app.fetch);
 * ```
 *
 * @module
 */
export { type App, type AppOptions, type Caller, createApp } from "./app.ts";
export type { Priority, Quota } from "./contract/quota.ts";
export { type ApiKey } from "./http/auth.ts";
export { ServeError, type ServeErrorCode, type ServeErrorDetails } from "./contract/errors.ts";
export * from "./contract/job.ts";
export { DEFAULT_LIMITS, type Limits } from "./contract/limits.ts";
export type { WebhookSettings } from "./doors/predictions/webhooks.ts";
export type { SizeLimits } from "./contract/size_limits.ts";
export type {
  ControlAbility,
  ControlKind,
  ModelInfo,
  TaskDefaults,
} from "./contract/model_info.ts";
export type { OwnOption, PlainValue } from "./contract/own_options.ts";
export {
  type ChildServingEngine,
  childServingEngine,
  type ChildServingEngineOptions,
} from "./engine/child.ts";
export { type DeviceEngine, severalEngines, type SeveralEnginesOptions } from "./engine/several.ts";
export type {
  BrokenModel,
  DeviceState,
  EngineState,
  ModelOptions,
  ModelSpec,
  ServingEngine,
  StartTiming,
} from "./engine/engine.ts";
export { inlineServingEngine, type InlineServingEngineOptions } from "./engine/inline.ts";
export { runChild } from "./engine/run_child.ts";
export type { ModelCatalog } from "./http/context.ts";
export { createMetrics, type Metrics, type MetricsNow } from "./observe/metrics.ts";
export { ByteBudget, type ByteBudgetOptions } from "./queue/byte_budget.ts";
export { memoryQueue, type MemoryQueueOptions } from "./queue/memory_queue.ts";
export { type DeadLetter, type DeadLetters } from "./queue/dead_letters.ts";
export type { Timeouts } from "./queue/timeouts.ts";
export type { JobQueue, JobRecord, JobStatus, ModelDepth, QueueDepth } from "./queue/queue.ts";
export { type FolderStore, folderStore, type FolderStoreOptions } from "./storage/folder_store.ts";
export { memoryStore, type MemoryStoreOptions } from "./storage/memory_store.ts";
export { s3Store, type S3StoreOptions } from "./storage/s3_store.ts";
export type { Store, StoredFile } from "./storage/store.ts";
