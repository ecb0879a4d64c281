import { type Job as BullJob, Worker } from "bullmq";
import { Redis } from "ioredis";
import { ServeError, toFailure } from "../../contract/errors.ts";
import type { Job, JobEvent } from "../../contract/job.ts";
import { within } from "../../async/within.ts";
import type { ServingEngine } from "../../engine/engine.ts";
import type { Store } from "../../storage/store.ts";
import { runAttempts } from "../run_attempts.ts";
import { type Names, namesUnder } from "./names.ts";
import { GOODBYE_MS, tellEvent } from "./tell.ts";
import { unpackJob } from "./wire.ts";

/** How a {@linkcode redisWorker} works. */
export interface RedisWorkerOptions {
  /** Address of Redis. */
  readonly url: string;
  /** Where files go: the same for every edge and worker. */
  readonly store: Store;
  /** What every key begins with. Defaults to `denoise`. */
  readonly prefix?: string | undefined;
  /** Milliseconds after which a worker that is silent is taken for dead. Defaults to 30,000. */
  readonly lockMs?: number | undefined;
  /** Milliseconds from the acceptance of a job to its end. Defaults to 600,000. */
  readonly timeoutMs?: number | undefined;
  /** Told of every event. */
  readonly onEvent?: ((job: Job, event: JobEvent) => void) | undefined;
  /** Told of errors that are nobody's fault but the server's. */
  readonly onError?: ((job: Job, error: unknown) => void) | undefined;
}

/** A running worker. */
export interface RedisWorker {
  /** Takes no more jobs, and finishes the one that runs; after that time it is ended. */
  close(graceMs: number): Promise<void>;
}

/** How often a worker says that it is there, in milliseconds. */
const BEAT_MS = 2_000;

/** Takes jobs from Redis, one at a time, and runs them on an engine. */
export async function redisWorker(
  engine: ServingEngine,
  options: RedisWorkerOptions,
): Promise<RedisWorker> {
  const { url, store, prefix = "denoise", lockMs = 30_000, timeoutMs = 600_000 } = options;
  const names = namesUnder(prefix);
  const connect = (): Redis => {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    redis.on("error", () => {});
    return redis;
  };
  const [redis, subscriber] = [connect(), connect()];
  const running = new Map<string, AbortController>();
  await subscriber.subscribe(names.cancels);
  subscriber.on("message", (_channel, id) => running.get(id)?.abort());

  async function run({ data }: BullJob<string>): Promise<void> {
    const known = JSON.parse(data) as Job;
    const controller = new AbortController();
    running.set(known.id, controller);
    const tell = async (event: JobEvent): Promise<void> => {
      await tellEvent(redis, names, store, known, event);
      options.onEvent?.(known, event);
    };
    const late = setTimeout(async () => {
      const message = "Cannot make the image: it took longer than the server allows";
      await tell({ type: "failed", failure: { code: "timeout", message } }).catch(() => {});
      controller.abort();
    }, Math.max(0, known.createdAt + timeoutMs - Date.now()));
    try {
      if (await redis.exists(names.cancel(known.id))) return;
      const job = await unpackJob(data, store);
      const events = runAttempts(engine, job, controller.signal, options.onError);
      for await (const event of events) await tell(event);
    } finally {
      clearTimeout(late);
      running.delete(known.id);
      if (controller.signal.aborted) options.onEvent?.(known, { type: "canceled" }); // told by others
    }
  }

  const id = crypto.randomUUID();
  const beat = async (): Promise<void> => {
    const { state } = engine;
    const models = state.phase === "ready" ? state.models : [];
    await redis.set(names.worker(id), JSON.stringify(models), "PX", 3 * BEAT_MS);
  };
  const beats = setInterval(() => beat().catch(() => {}), BEAT_MS);
  const worker = startWorker(names, connect(), lockMs, run, async (data, error) => {
    const job = JSON.parse(data) as Job;
    const message = "The worker stopped in the middle of the run, twice";
    const failure = error instanceof ServeError
      ? toFailure(error)
      : { code: "engine_lost", message };
    options.onError?.(job, error);
    await tellEvent(redis, names, store, job, { type: "failed", failure });
  });
  engine.ready().then(async () => {
    await beat();
    worker.run();
  }).catch(() => {});

  return {
    async close(graceMs): Promise<void> {
      clearInterval(beats);
      const late = setTimeout(() => running.forEach((run) => run.abort()), graceMs);
      const ended = worker.close().then(() => redis.del(names.worker(id)));
      // without Redis none of this would end
      await within(ended, running.size > 0 ? graceMs + GOODBYE_MS : GOODBYE_MS);
      clearTimeout(late);
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

function startWorker(
  names: Names,
  connection: Redis,
  lockMs: number,
  run: (job: BullJob<string>) => Promise<void>,
  onFailed: (data: string, error: Error) => Promise<void>,
): Worker<string> {
  const worker = new Worker<string>(names.queue, run, {
    connection,
    prefix: names.prefix,
    autorun: false,
    concurrency: 1,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: 1,
  });
  worker.on("error", () => {});
  worker.on("failed", (job, error) => {
    if (job !== undefined) onFailed(job.data, error).catch(() => {});
  });
  return worker;
}
