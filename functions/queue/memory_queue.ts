import { within } from "../async/within.ts";
import { ServeError } from "../contract/errors.ts";
import { isLast, type Job, type JobEvent, type JobFailure } from "../contract/job.ts";
import type { ServingEngine } from "../engine/engine.ts";
import type { ByteBudget } from "./byte_budget.ts";
import {
  DeadLetterBox,
  type DeadLetters,
  fileBytes,
  isDead,
  noDeadLetter,
  underWay,
} from "./dead_letters.ts";
import { Entry } from "./entry.ts";
import { PriorityLine } from "./fair_line.ts";
import { KeptResults } from "./kept_results.ts";
import type { JobQueue, JobRecord, ModelDepth, QueueDepth } from "./queue.ts";
import { runAttempts } from "./run_attempts.ts";
import { sooner, type Timeout, type Timeouts, timeoutsOf } from "./timeouts.ts";

/** How a {@linkcode memoryQueue} works. */
export interface MemoryQueueOptions extends Timeouts {
  /** Jobs that may wait. Defaults to 64. */
  readonly bound?: number | undefined;
  /** Jobs that run at once. Defaults to 1. */
  readonly concurrency?: number | undefined;
  /** Places that every owner has, however many others wait; none by default. */
  readonly share?: number | undefined;
  /** Places of an owner at most; all of them by default. */
  readonly placesOf?: ((owner: string) => number | undefined) | undefined;
  /** Bytes of the images that jobs under way were given; any by default. */
  readonly files?: ByteBudget | undefined;
  /** Jobs that failed by a fault of the server and are kept for those who run it. Defaults to 100. */
  readonly maxDeadLetters?: number | undefined;
  /** Bytes of results that are kept for callers who come back. Defaults to 256 MB. */
  readonly keptBytes?: number | undefined;
  /** Called with every event, after its job's followers. */
  readonly onEvent?: ((job: Job, event: JobEvent) => void) | undefined;
  /** Called with errors that are nobody's fault but the server's. */
  readonly onError?: ((job: Job, error: unknown) => void) | undefined;
}

/** Jobs of an owner that are listed at most. */
const MAX_LISTED = 1_000;
/** How long a result waits for the one caller who follows it, in milliseconds. */
const UNREAD_MS = 60_000;

/** A bounded queue in this process, before one engine. */
export function memoryQueue(engine: ServingEngine, options: MemoryQueueOptions = {}): JobQueue {
  return new MemoryQueue(engine, options);
}

/** What is said to who finds no place. */
export function queueFull(places: number, isOwn: boolean, retryAfterMs: number): ServeError {
  const message =
    `Cannot take the request: ${places}${isOwn ? " of this key" : ""} wait already, ` +
    "which is the most; ask again later";
  return new ServeError("queue_full", message, { retryAfterMs });
}

/** What is said while the server ends. */
export function shuttingDown(): ServeError {
  return new ServeError("shutting_down", "The server is shutting down; ask again", {
    retryAfterMs: 5_000,
  });
}

/** A moving average with another value. */
const average = (before: number | undefined, value: number): number =>
  before === undefined ? value : before * 0.8 + value * 0.2;

class MemoryQueue implements JobQueue {
  readonly #engine: ServingEngine;
  readonly #options: MemoryQueueOptions;
  readonly #bound: number;
  readonly #line = new PriorityLine<Entry>();
  readonly #running = new Set<Entry>();
  readonly #entries = new Map<string, Entry>();
  readonly #kept: KeptResults;
  readonly #dead: DeadLetterBox;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  constructor(engine: ServingEngine, options: MemoryQueueOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#bound = options.bound ?? 64;
    this.#kept = new KeptResults(options.keptBytes ?? 256_000_000, (id) => {
      this.#entries.delete(id);
    });
    this.#dead = new DeadLetterBox(options.maxDeadLetters ?? 100);
  }

  readonly deadLetters: DeadLetters = {
    list: () => Promise.resolve(this.#dead.list()),
    retry: (id, keepMs) =>
      Promise.resolve().then(() => {
        const job = this.#dead.get(id);
        if (job === undefined) throw noDeadLetter(id);
        if (this.#closed) throw shuttingDown();
        if (this.#entries.get(id)?.ended === false) throw underWay(id);
        this.#options.files?.take(job.owner, fileBytes(job));
        this.#dead.take(id);
        this.#kept.forget(id, false);
        this.#accept(new Entry({ ...job, keepMs, timeoutMs: undefined }, 0));
      }),
    drop: (id) =>
      Promise.resolve().then(() => {
        if (this.#dead.take(id) === undefined) throw noDeadLetter(id);
      }),
  };

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
      return this.#record(this.#entry(id));
    });
  }

  findAll(ids: readonly string[]): Promise<JobRecord[]> {
    const entries = ids.map((id) => this.#entries.get(id)).filter((entry) => entry !== undefined);
    return Promise.resolve(entries.map((entry) => this.#record(entry)));
  }

  idsOf(owner: string): Promise<string[]> {
    const own = [...this.#entries.values()]
      .filter(({ job }) => job.owner === owner && job.keepMs > 0)
      .map(({ job }) => job.id);
    return Promise.resolve(own.slice(-MAX_LISTED).reverse());
  }

  cancel(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#stop(entry, undefined);
    return Promise.resolve();
  }

  depth(): Promise<QueueDepth> {
    const [waiting, running] = [this.#line.length, this.#running.size];
    const models = this.#modelDepths();
    return Promise.resolve({ waiting, running, bound: this.#bound, models });
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    if (this.#line.length + this.#running.size > 0) await within(this.#idle.promise, graceMs);
    const failure = { code: "shutting_down", message: "The server is shutting down; ask again" };
    for (const entry of [...this.#line, ...this.#running]) this.#stop(entry, failure);
    for (const entry of this.#entries.values()) entry.clearTimer();
    this.#kept.clear();
  }

  #modelDepths(): ModelDepth[] {
    const counts = new Map([...this.#paces.keys()].map((id) => [id, { waiting: 0, running: 0 }]));
    const count = (entry: Entry, kind: "waiting" | "running"): void => {
      const { model } = entry.job;
      const found = counts.get(model) ?? { waiting: 0, running: 0 };
      counts.set(model, { ...found, [kind]: found[kind] + 1 });
    };
    for (const entry of this.#line) count(entry, "waiting");
    for (const entry of this.#running) count(entry, "running");
    return [...counts].map(([model, found]) => ({
      model,
      ...found,
      runMs: this.#paces.get(model),
    }));
  }

  #submit(job: Job): boolean {
    if (this.#entries.has(job.id)) return false;
    if (this.#closed) throw shuttingDown();
    const { share = 0, placesOf, files } = this.#options;
    const own = this.#line.lengthOf(job.owner);
    const places = placesOf?.(job.owner) ?? Infinity;
    if (own >= places || this.#line.length >= this.#bound && own >= share) {
      throw queueFull(own >= places ? places : this.#bound, own >= places, this.#retryAfter());
    }
    files?.take(job.owner, fileBytes(job));
    this.#accept(new Entry(job));
    return true;
  }

  /** Puts a job into its line. */
  #accept(entry: Entry): void {
    const { job } = entry;
    this.#entries.set(job.id, entry);
    this.#line.push(job.owner, entry);
    this.#limit(entry, timeoutsOf(job, this.#options).wait);
    this.#tell(entry, { type: "queued", position: [...this.#line].indexOf(entry) });
    this.#next();
  }

  #record(entry: Entry): JobRecord {
    const at = entry.status === "queued" ? [...this.#line].indexOf(entry) : 0;
    return entry.record(Math.max(0, at));
  }

  /** From now on a job has that time. */
  #limit(entry: Entry, { ms, failure }: Timeout): void {
    entry.startTimer(Math.max(0, ms), () => this.#stop(entry, failure));
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
    const { whole, run } = timeoutsOf(entry.job, this.#options);
    const left = whole.ms - (performance.now() - entry.acceptedAt);
    this.#limit(entry, sooner(run, { ...whole, ms: left }));
    let began = performance.now();
    const { onError } = this.#options;
    for await (const event of runAttempts(this.#engine, entry.job, signal, onError)) {
      if (event.type === "started") began = performance.now();
      this.#tell(entry, event);
    }
    if (entry.status !== "succeeded") return;
    const { model } = entry.job;
    const ms = performance.now() - began;
    this.#paces.set(model, average(this.#paces.get(model), ms));
    this.#pace = average(this.#pace, ms);
  }

  /** How long runs take, as a moving average in milliseconds; of each model, and of all. */
  readonly #paces = new Map<string, number>();
  #pace: number | undefined;

  /** About when the next place will be free. */
  #retryAfter(): number {
    const { concurrency = 1 } = this.#options;
    return Math.round(Math.min(60_000, Math.max(1_000, (this.#pace ?? 1_000) / concurrency)));
  }

  #tell(entry: Entry, event: JobEvent): void {
    if (entry.ended) return;
    const { job } = entry; // at its end it drops its images
    entry.tell(event);
    if (event.type === "failed" && isDead(event.failure)) this.#dead.add(job, event.failure);
    if (isLast(event)) {
      entry.clearTimer();
      this.#options.files?.giveBack(job.owner, fileBytes(job));
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
