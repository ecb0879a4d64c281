import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { ServeError } from "../../contract/errors.ts";
import { isLast, type Job, type JobEvent } from "../../contract/job.ts";
import { Channel } from "../../async/channel.ts";
import { within } from "../../async/within.ts";
import type { Store } from "../../storage/store.ts";
import { Entry } from "../entry.ts";
import type { JobQueue, JobRecord, QueueDepth } from "../queue.ts";
import { type Names, namesUnder } from "./names.ts";
import { GOODBYE_MS, tellEvent, UNDER_WAY_MS } from "./tell.ts";
import { packJob, unpackEvent } from "./wire.ts";

/** How a {@linkcode redisQueue} works. */
export interface RedisQueueOptions {
  /** Address of Redis, such as `redis://localhost:6379`. */
  readonly url: string;
  /** Where files go: the same for every edge and worker. */
  readonly store: Store;
  /** What every key begins with. Defaults to `denoise`. */
  readonly prefix?: string | undefined;
  /** Jobs that may wait, over all edges. Defaults to 64. */
  readonly bound?: number | undefined;
  /** Milliseconds from the acceptance of a job to its end. Defaults to 600,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A queue over BullMQ on Redis: jobs are done by workers elsewhere, and outlive this process.
 *
 * Owners are served in turn: a job comes after as many others as its owner has under way.
 */
export function redisQueue(options: RedisQueueOptions): JobQueue {
  return new RedisQueue(options);
}

/** Milliseconds after which a command to Redis has failed. */
const COMMAND_MS = 5_000;
/** BullMQ's largest priority. */
const MAX_PRIORITY = 2 ** 21 - 1;

class RedisQueue implements JobQueue {
  readonly #names: Names;
  readonly #store: Store;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #bull: Queue;
  readonly #bound: number;
  readonly #timeoutMs: number;
  readonly #readers = new Map<string, Set<(message: string) => void>>();
  #closed = false;

  constructor(
    { url, store, prefix = "denoise", bound = 64, timeoutMs = 600_000 }: RedisQueueOptions,
  ) {
    this.#names = namesUnder(prefix);
    this.#store = store;
    this.#bound = bound;
    this.#timeoutMs = timeoutMs;
    this.#redis = new Redis(url, { commandTimeout: COMMAND_MS, maxRetriesPerRequest: 1 });
    this.#subscriber = new Redis(url, { maxRetriesPerRequest: null });
    for (const redis of [this.#redis, this.#subscriber]) redis.on("error", () => {});
    this.#bull = new Queue(this.#names.queue, {
      connection: this.#redis,
      prefix: this.#names.prefix,
    });
    this.#bull.on("error", () => {});
    this.#subscriber.on("message", (channel, message) => {
      this.#readers.get(channel)?.forEach((read) => read(message));
    });
  }

  async submit(job: Job): Promise<boolean> {
    if (this.#closed) {
      throw new ServeError("shutting_down", "The server is shutting down; ask again", {
        retryAfterMs: 5_000,
      });
    }
    return await reached(async () => {
      if (await this.#redis.exists(this.#names.job(job.id))) return false;
      const { waiting } = await this.depth();
      if (waiting >= this.#bound) {
        throw new ServeError(
          "queue_full",
          `Cannot take the request: ${this.#bound} wait already, which is the most; ask again later`,
          { retryAfterMs: 2_000 },
        );
      }
      const text = await packJob(job, this.#store);
      const name = this.#names.job(job.id);
      if (await this.#redis.set(name, text, "PX", UNDER_WAY_MS, "NX") === null) return false;
      const underWay = await this.#redis.hincrby(this.#names.owners, job.owner, 1);
      await this.#tell(job, { type: "queued", position: waiting });
      await this.#bull.add("job", text, {
        jobId: `job-${job.id}`,
        priority: Math.min(MAX_PRIORITY, Math.max(1, underWay)),
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
      });
      return true;
    });
  }

  async *follow(id: string, signal?: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const job = await this.#job(id);
    signal?.throwIfAborted();
    const live = new Channel<string>();
    const stop = await this.#subscribe(this.#names.live(id), (message) => live.push(message));
    const onAbort = (): void => live.end(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const late = setTimeout(() => this.#expire(job), this.#left(job));
    try {
      const told = new Set<string>();
      for (const [place, text] of await this.#told(id)) {
        told.add(place);
        const event = await unpackEvent(text, this.#store);
        yield event;
        if (isLast(event)) return;
      }
      for await (const message of live) {
        const [place, text] = JSON.parse(message) as [string, string];
        if (told.has(place)) continue;
        const event = await unpackEvent(text, this.#store);
        yield event;
        if (isLast(event)) return;
      }
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", onAbort);
      await stop();
    }
  }

  async find(id: string): Promise<JobRecord> {
    const job = await this.#job(id);
    const entry = new Entry(job);
    for (const [place, text] of await this.#told(id)) {
      entry.tell(await unpackEvent(text, this.#store), Number(place.split("-")[0]));
    }
    return entry.record(Math.max(0, entry.status === "queued" ? entry.position : 0));
  }

  async cancel(id: string): Promise<void> {
    await reached(async () => {
      const text = await this.#redis.get(this.#names.job(id));
      if (text === null) return;
      await this.#end(JSON.parse(text) as Job, { type: "canceled" });
    });
  }

  async depth(): Promise<QueueDepth> {
    return await reached(async () => {
      const counts = await this.#bull.getJobCounts("wait", "prioritized", "active");
      const waiting = (counts["wait"] ?? 0) + (counts["prioritized"] ?? 0);
      return { waiting, running: counts["active"] ?? 0, bound: this.#bound };
    });
  }

  /** Jobs stay in Redis, where workers go on with them. */
  async close(_graceMs: number): Promise<void> {
    this.#closed = true;
    await within(this.#bull.close(), GOODBYE_MS);
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  async #job(id: string): Promise<Job> {
    return await reached(async () => {
      const text = await this.#redis.get(this.#names.job(id));
      if (text !== null) {
        const { input, ...job } = JSON.parse(text) as Job;
        const { image: _, mask: __, ...rest } = input;
        return { ...job, input: rest };
      }
      if (await this.#redis.exists(this.#names.had(id))) {
        throw new ServeError("gone", "That result is no longer kept");
      }
      throw new ServeError("not_found", `There is no job ${JSON.stringify(id.slice(0, 100))}`);
    });
  }

  async #told(id: string): Promise<[place: string, text: string][]> {
    const entries = await reached(() => this.#redis.xrange(this.#names.events(id), "-", "+"));
    return entries.map(([place, [_, text]]) => [place, text!]);
  }

  async #tell(job: Job, event: JobEvent): Promise<void> {
    await tellEvent(this.#redis, this.#names, this.#store, job, event);
  }

  #left({ createdAt }: Job): number {
    return Math.max(0, createdAt + this.#timeoutMs - Date.now());
  }

  async #expire(job: Job): Promise<void> {
    const message = "Cannot make the image: it took longer than the server allows";
    const failure = { code: "timeout", message };
    await this.#end(job, { type: "failed", failure }).catch(() => {});
  }

  /** Takes a job from the queue, or tells its worker to stop, and tells the end. */
  async #end(job: Job, event: JobEvent): Promise<void> {
    await this.#redis.set(this.#names.cancel(job.id), 1, "PX", UNDER_WAY_MS);
    await this.#redis.publish(this.#names.cancels, job.id);
    await this.#tell(job, event);
    await this.#bull.remove(`job-${job.id}`).catch(() => {});
  }

  async #subscribe(channel: string, read: (message: string) => void): Promise<() => Promise<void>> {
    const readers = this.#readers.get(channel) ?? new Set();
    this.#readers.set(channel, readers);
    readers.add(read);
    await this.#subscriber.subscribe(channel);
    return async () => {
      readers.delete(read);
      if (readers.size > 0) return;
      this.#readers.delete(channel);
      await this.#subscriber.unsubscribe(channel).catch(() => {});
    };
  }
}

/** Redis that cannot be reached is an error that a caller is told of. */
async function reached<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof ServeError) throw cause;
    throw new ServeError("shutting_down", "The queue cannot be reached now; ask again", {
      cause,
      retryAfterMs: 2_000,
    });
  }
}
