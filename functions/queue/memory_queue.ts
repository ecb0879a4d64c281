import { within } from "../async/within.ts";
import { ServeError } from "../contract/errors.ts";
import { isLast, type Job, type JobEvent, type JobFailure } from "../contract/job.ts";
import type { ServingEngine } from "../engine/engine.ts";
import type { ByteBudget } from "./byte_budget.ts";
import { Entry } from "./entry.ts";
import { PriorityLine } from "./fair_line.ts";
import { KeptResults } from "./kept_results.ts";
import type { JobQueue, JobRecord, QueueDepth } from "./queue.ts";
import { runAttempts } from "./run_attempts.ts";

/** How a {@linkcode memoryQueue} works. */
export interface MemoryQueueOptions {
  /** Jobs that may wait. Defaults to 64. */
  readonly bound?: number | undefined;
  /** Jobs that run at once. Defaults to 1. */
  readonly concurrency?: number | undefined;
  /** Milliseconds from the acceptance of a job to its end. Defaults to 600,000. */
  readonly timeoutMs?: number | undefined;
  /** Places that every owner has, however many others wait; none by default. */
  readonly share?: number | undefined;
  /** Places of an owner at most; all of them by default. */
  readonly placesOf?: ((owner: string) => number | undefined) | undefined;
  /** Bytes of the images that jobs under way were given; any by default. */
  readonly files?: ByteBudget | undefined;
  /** Bytes of results that are kept for callers who come back. Defaults to 256 MB. */
  readonly keptBytes?: number | undefined;
  /** Called with every event, after its job's followers. */
  readonly onEvent?: ((job: Job, event: JobEvent) => void) | undefined;
  /** Called with errors that are nobody's fault but the server's. */
  readonly onError?: ((job: Job, error: unknown) => void) | undefined;
}

/** How long a result waits for the one caller who follows it, in milliseconds. */
const UNREAD_MS = 60_000;

/** A bounded queue in this process, before one engine. */
export function memoryQueue(engine: ServingEngine, options: MemoryQueueOptions = {}): JobQueue {
  return new MemoryQueue(engine, options);
}

/** Bytes of the images that a job was given. */
export function fileBytes({ input: { image, moreImages = [], mask } }: Job): number {
  return [image, ...moreImages, mask].reduce((sum, file) => sum + (file?.length ?? 0), 0);
}

/** What is said to who finds no place. */
export function queueFull(places: number, isOwn: boolean, retryAfterMs: number): ServeError {
  const message =
    `Cannot take the request: ${places}${isOwn ? " of this key" : ""} wait already, ` +
    "which is the most; ask again later";
  return new ServeError("queue_full", message, { retryAfterMs });
}

class MemoryQueue implements JobQueue {
  readonly #engine: ServingEngine;
  readonly #options: MemoryQueueOptions;
  readonly #bound: number;
  readonly #line = new PriorityLine<Entry>();
  readonly #running = new Set<Entry>();
  readonly #entries = new Map<string, Entry>();
  readonly #kept: KeptResults;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  constructor(engine: ServingEngine, options: MemoryQueueOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#bound = options.bound ?? 64;
    this.#kept = new KeptResults(options.keptBytes ?? 256_000_000, (id) => {
      this.#entries.delete(id);
    });
  }

  submit(job: Job): Promise<boolean> {
    return Promise.resolve().then(() => this.#submit(job));
  }

  async *follow(id: string, signal?: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const entry = this.#entry(id);
    try {
      yield* entry.log.follow(signal);
    } finally {
      if (entry.ended && entry.job.keepMs === 0) this.#kept.forget(id, false);
    }
  }

  find(id: string): Promise<JobRecord> {
    return Promise.resolve().then(() => {
      const entry = this.#entry(id);
      const at = entry.status === "queued" ? [...this.#line].indexOf(entry) : 0;
      return entry.record(Math.max(0, at));
    });
  }

  cancel(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#stop(entry, undefined);
    return Promise.resolve();
  }

  depth(): Promise<QueueDepth> {
    const [waiting, running] = [this.#line.length, this.#running.size];
    return Promise.resolve({ waiting, running, bound: this.#bound });
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    if (this.#line.length + this.#running.size > 0) await within(this.#idle.promise, graceMs);
    const failure = { code: "shutting_down", message: "The server is shutting down; ask again" };
    for (const entry of [...this.#line, ...this.#running]) this.#stop(entry, failure);
    for (const entry of this.#entries.values()) entry.clearTimer();
    this.#kept.clear();
  }

  #submit(job: Job): boolean {
    if (this.#entries.has(job.id)) return false;
    if (this.#closed) {
      throw new ServeError("shutting_down", "The server is shutting down; ask again", {
        retryAfterMs: 5_000,
      });
    }
    const { share = 0, placesOf, files } = this.#options;
    const own = this.#line.lengthOf(job.owner);
    const places = placesOf?.(job.owner) ?? Infinity;
    if (own >= places || this.#line.length >= this.#bound && own >= share) {
      throw queueFull(own >= places ? places : this.#bound, own >= places, this.#retryAfter());
    }
    files?.take(job.owner, fileBytes(job));
    const entry = new Entry(job);
    this.#entries.set(job.id, entry);
    this.#line.push(job.owner, entry);
    entry.startTimer(this.#options.timeoutMs ?? 600_000, () =>
      this.#stop(entry, {
        code: "timeout",
        message: "Cannot make the image: it took longer than the server allows",
      }));
    this.#tell(entry, { type: "queued", position: [...this.#line].indexOf(entry) });
    this.#next();
    return true;
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    if (this.#kept.had(id)) throw new ServeError("gone", "That result is no longer kept");
    throw new ServeError("not_found", `There is no job ${JSON.stringify(id.slice(0, 100))}`);
  }

  /** Ends a job before its time: with a failure, or else as canceled. */
  #stop(entry: Entry, failure: JobFailure | undefined): void {
    if (entry.ended) return;
    this.#line.remove(entry.job.owner, entry);
    this.#tell(entry, failure === undefined ? { type: "canceled" } : { type: "failed", failure });
    entry.controller.abort(new ServeError("canceled", "The run was cancelled"));
    this.#checkIdle();
  }

  #next(): void {
    const { concurrency = 1 } = this.#options;
    while (this.#running.size < concurrency) {
      const entry = this.#line.shift();
      if (entry === undefined) break;
      this.#running.add(entry);
      this.#run(entry).finally(() => {
        this.#running.delete(entry);
        this.#next();
        this.#checkIdle();
      });
    }
    for (const [position, entry] of [...this.#line].entries()) {
      if (entry.position === position) continue;
      entry.position = position;
      this.#tell(entry, { type: "queued", position });
    }
  }

  async #run(entry: Entry): Promise<void> {
    const { signal } = entry.controller;
    let began = performance.now();
    const { onError } = this.#options;
    for await (const event of runAttempts(this.#engine, entry.job, signal, onError)) {
      if (event.type === "started") began = performance.now();
      this.#tell(entry, event);
    }
    const ms = performance.now() - began;
    this.#pace = this.#pace === undefined ? ms : this.#pace * 0.8 + ms * 0.2;
  }

  /** How long runs take, as a moving average in milliseconds. */
  #pace: number | undefined;

  /** About when the next place will be free. */
  #retryAfter(): number {
    const { concurrency = 1 } = this.#options;
    return Math.round(Math.min(60_000, Math.max(1_000, (this.#pace ?? 1_000) / concurrency)));
  }

  #tell(entry: Entry, event: JobEvent): void {
    if (entry.ended) return;
    const bytes = fileBytes(entry.job); // at its end the job drops them
    entry.tell(event);
    if (isLast(event)) {
      entry.clearTimer();
      this.#options.files?.giveBack(entry.job.owner, bytes);
      this.#kept.keep(entry.job.id, entry.job.owner, entry.bytes, entry.job.keepMs || UNREAD_MS);
    }
    this.#options.onEvent?.(entry.job, event);
  }

  #checkIdle(): void {
    if (this.#line.length + this.#running.size === 0) {
      this.#idle.resolve();
      this.#idle = Promise.withResolvers();
    }
  }
}
