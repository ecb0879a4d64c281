/**
 * Many workers on many hosts: a queue in Redis.
 *
 * @module
 */
export { type RedisCatalog, redisCatalog } from "./queue/redis/redis_catalog.ts";
export { redisQueue, type RedisQueueOptions } from "./queue/redis/redis_queue.ts";
export {
  type RedisWorker,
  redisWorker,
  type RedisWorkerOptions,
} from "./queue/redis/redis_worker.ts";
export {
  type RedisClient,
  redisStore,
  type RedisStoreOptions,
  type RedisTransaction,
} from "./storage/redis_store.ts";
export type { ByteBudgetOptions } from "./queue/byte_budget.ts";
export type { JobQueue, JobRecord, JobStatus, ModelDepth, QueueDepth } from "./queue/queue.ts";
export type { DeadLetter, DeadLetters } from "./queue/dead_letters.ts";
export type { Timeouts } from "./queue/timeouts.ts";
export type { Store, StoredFile } from "./storage/store.ts";
export type { ModelCatalog } from "./http/context.ts";
export type {
  BrokenModel,
  DeviceState,
  EngineState,
  ServingEngine,
  StartTiming,
} from "./engine/engine.ts";
export * from "./contract/job.ts";
export type { Priority } from "./contract/quota.ts";
export type { ModelInfo, TaskDefaults } from "./contract/model_info.ts";
