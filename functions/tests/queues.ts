import { Redis } from "ioredis";
import type { JobEvent } from "../contract/job.ts";
import { memoryQueue, type MemoryQueueOptions } from "../queue/memory_queue.ts";
import type { JobQueue } from "../queue/queue.ts";
import { redisQueue, type RedisQueueOptions } from "../queue/redis/redis_queue.ts";
import { redisWorker } from "../queue/redis/redis_worker.ts";
import { redisStore } from "../storage/redis_store.ts";
import type { FakeEngine } from "./fake_engine.ts";
import { hasRedis, startRedis } from "./redis.ts";

/** What both kinds of queue are made with. */
export type QueueOptions =
  & Omit<MemoryQueueOptions, "files" | "onEvent" | "onError" | "keptBytes" | "concurrency">
  & Omit<RedisQueueOptions, "url" | "store" | "prefix" | "files">;

/** A kind of queue before one engine. */
export interface QueueKind {
  /** Its name. */
  readonly name: string;
  /** Whether what it needs is missing here. */
  readonly ignore: boolean;
  /** Runs a test on one. */
  using(
    engine: FakeEngine,
    options: QueueOptions,
    test: (queue: JobQueue) => Promise<void>,
  ): Promise<void>;
}

/** The queue in memory, and the one in a real Redis with a worker. */
export const queueKinds: readonly QueueKind[] = [
  {
    name: "memoryQueue()",
    ignore: false,
    async using(engine, options, test): Promise<void> {
      const queue = memoryQueue(engine, options);
      try {
        await test(queue);
      } finally {
        await queue.close(0);
      }
    },
  },
  {
    name: "redisQueue()",
    ignore: !await hasRedis(),
    async using(engine, options, test): Promise<void> {
      await using redis = await startRedis();
      const client = new Redis(redis.url, { maxRetriesPerRequest: null });
      const store = redisStore(client);
      const queue = redisQueue({ url: redis.url, store, ...options });
      const worker = await redisWorker(engine, { url: redis.url, store });
      try {
        await test(queue);
      } finally {
        await worker.close(0);
        await queue.close(0);
        client.disconnect();
      }
    },
  },
];

/** Everything that a job tells. */
export async function eventsOf(queue: JobQueue, id: string): Promise<JobEvent[]> {
  return await Array.fromAsync(queue.follow(id));
}

/** How a job ends: the code of its failure, or else the type of its last event. */
export async function endOfJob(queue: JobQueue, id: string): Promise<string> {
  const last = (await eventsOf(queue, id)).at(-1)!;
  return last.type === "failed" ? last.failure.code : last.type;
}
