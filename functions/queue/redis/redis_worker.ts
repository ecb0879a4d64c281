import type { Redis } from "ioredis";
import { within } from "../../async/within.ts";
import { toFailure } from "../../contract/errors.ts";
import { isLast, type Job, type JobEvent } from "../../contract/job.ts";
import type { ServingEngine } from "../../engine/engine.ts";
import type { Store } from "../../storage/store.ts";
import { runAttempts } from "../run_attempts.ts";
import { connectRedis, staySubscribed } from "./connect.ts";
import { announce } from "./members.ts";
import { type Names, namesUnder } from "./names.ts";
import { GOODBYE_MS } from "./redis_queue.ts";
import { runScript, type ScriptName } from "./scripts.ts";
import { startSweeps } from "./sweeps.ts";
import { dropGiven, packEvent, unpackJob } from "./wire.ts";

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
  /** Called with every event. */
  readonly onEvent?: ((job: Job, event: JobEvent) => void) | undefined;
  /** Called with errors that are nobody's fault but the server's. */
  readonly onError?: ((job: Job, error: unknown) => void) | undefined;
}

/** A running worker. */
export interface RedisWorker {
  /** Takes no more jobs, and finishes the one that runs; after that time another worker has it. */
  close(graceMs: number): Promise<void>;
}

/** How often a worker says that it is there, in milliseconds. */
const BEAT_MS = 1_000;
/** How long it waits for a job before it looks again, in seconds. */
const WAIT_S = 1;
/** How long it waits for an engine that is not ready, in milliseconds. */
const UNREADY_MS = 200;

/** Takes jobs from Redis, one at a time, and runs them on an engine. */
export async function redisWorker(
  engine: ServingEngine,
  options: RedisWorkerOptions,
): Promise<RedisWorker> {
  const worker = new Taking(engine, options);
  await worker.open();
  return worker;
}

/** A job that was taken, and which attempt at it this is. */
interface Taken {
  readonly text: string;
  readonly job: Job;
  readonly attempt: number;
  readonly controller: AbortController;
  /** Whether it is kept for those who run the server, and so what it was given. */
  isDead: boolean;
}

class Taking implements RedisWorker {
  readonly #engine: ServingEngine;
  readonly #options: RedisWorkerOptions;
  readonly #names: Names;
  readonly #lockMs: number;
  readonly #id: string = crypto.randomUUID();
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #waiting: Redis;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #stopSweeps: () => void;
  #current: Taken | undefined;
  #isClosing = false;
  #givesBack = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(engine: ServingEngine, options: RedisWorkerOptions) {
    const { url, prefix = "denoise", lockMs = 30_000 } = options;
    this.#engine = engine;
    this.#options = options;
    this.#names = namesUnder(prefix);
    this.#lockMs = lockMs;
    [this.#redis, this.#subscriber, this.#waiting] = [
      connectRedis(url),
      connectRedis(url),
      connectRedis(url),
    ];
    this.#subscriber.on("message", (_channel: string, id: string) => {
      if (this.#current?.job.id === id) this.#current.controller.abort();
    });
    staySubscribed(this.#subscriber, () => [this.#names.ended]);
    this.#stopSweeps = startSweeps(this.#redis, this.#names);
  }

  async open(): Promise<void> {
    await this.#beat();
    this.#timers.push(
      setInterval(() => this.#beat().catch(() => {}), BEAT_MS),
      setInterval(() => this.#renew().catch(() => {}), this.#lockMs / 3),
    );
    this.#ended = this.#takeAll();
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const timer of this.#timers.slice(0, 1)) clearInterval(timer);
    const isBusy = this.#current !== undefined;
    runScript(this.#redis, "leave", this.#names.members, this.#id).catch(() => {});
    const late = setTimeout(() => {
      this.#givesBack = true;
      this.#current?.controller.abort();
    }, graceMs);
    // without Redis this would not end
    await within(this.#ended, isBusy ? graceMs + GOODBYE_MS : GOODBYE_MS);
    clearTimeout(late);
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopSweeps();
    for (const redis of [this.#redis, this.#subscriber, this.#waiting]) redis.disconnect();
  }

  /** Models are announced as long as their jobs are taken. */
  async #beat(): Promise<void> {
    const { state } = this.#engine;
    const models = state.phase === "ready" && !this.#isClosing ? state.models : [];
    await announce(this.#redis, this.#names, this.#id, models);
  }

  async #run(name: ScriptName, ...args: (string | number)[]): Promise<unknown> {
    return await runScript(this.#redis, name, this.#names.root, ...args);
  }

  async #takeAll(): Promise<void> {
    while (!this.#isClosing) {
      try {
        const { state } = this.#engine;
        if (state.phase !== "ready") {
          await new Promise((resolve) => setTimeout(resolve, UNREADY_MS));
          continue;
        }
        const models = state.models.map(({ id }) => id);
        const found = await this.#run("take", this.#id, this.#lockMs, ...models);
        if (found !== null) await this.#take(found as Found);
        else await this.#waiting.blpop(...models.map((id) => this.#names.wake(id)), WAIT_S);
      } catch (error) {
        if (this.#isClosing) return;
        this.#options.onError?.(NO_JOB, error);
        await new Promise((resolve) => setTimeout(resolve, UNREADY_MS));
      }
    }
  }

  /** One that came when this worker was on its way out is another's. */
  async #take(found: Found): Promise<void> {
    const [id, , attempt] = found;
    if (this.#isClosing) await this.#run("giveBack", id, this.#id, attempt);
    else await this.#work(found);
  }

  async #work([id, text, attempt, leftMs, waitedMs]: Found): Promise<void> {
    const job = { ...JSON.parse(text) as Job, id, createdAt: Date.now() - waitedMs };
    const controller = new AbortController();
    const taken = { text, job, attempt: Number(attempt), controller, isDead: false };
    this.#current = taken;
    const late = setTimeout(() => taken.controller.abort(), Math.max(0, leftMs));
    try {
      await this.#runJob(taken);
    } finally {
      clearTimeout(late);
      this.#current = undefined;
    }
  }

  async #runJob(taken: Taken): Promise<void> {
    const { text, job, attempt, controller } = taken;
    const { onEvent, onError } = this.#options;
    let number = 0;
    let last: JobEvent | undefined;
    try {
      const whole = { ...await unpackJob(text, this.#options.store), createdAt: job.createdAt };
      for await (const made of runAttempts(this.#engine, whole, controller.signal, onError)) {
        const event = made.type === "started"
          ? { ...made, attempt: made.attempt + attempt - 1 }
          : made;
        if (isLast(event)) last = event;
        if (!await this.#tell(taken, event, ++number)) controller.abort();
        else onEvent?.(job, event);
      }
    } catch (error) {
      last = { type: "failed", failure: toFailure(error) };
      onError?.(job, error);
      await this.#tell(taken, last, ++number);
      onEvent?.(job, last);
    }
    if (last === undefined) {
      onEvent?.(job, { type: "canceled" }); // others have sent its end, or there is none
      if (this.#givesBack) await this.#run("giveBack", job.id, this.#id, attempt);
    } else if (!taken.isDead) await dropGiven(text, this.#options.store);
  }

  /** Whether the job is still this worker's. */
  async #tell(taken: Taken, event: JobEvent, number: number): Promise<boolean> {
    const { job: { id }, attempt } = taken;
    const text = await packEvent(event, this.#options.store);
    const isTold = isLast(event) ? this.#run("finish", id, this.#id, attempt, text) : this.#run(
      "tell",
      id,
      this.#id,
      attempt,
      this.#lockMs,
      number,
      event.type === "preview" ? 1 : 0,
      text,
    );
    const answer = await isTold;
    taken.isDead = answer === 2;
    return answer !== 0;
  }

  async #renew(): Promise<void> {
    const taken = this.#current;
    if (taken === undefined) return;
    const { job: { id }, attempt, controller } = taken;
    const isOwn = await this.#run("renew", id, this.#id, attempt, this.#lockMs);
    if (isOwn !== 1 && this.#current === taken) controller.abort();
  }
}

/** What `take` gives. */
type Found = [id: string, text: string, attempt: string, leftMs: number, waitedMs: number];

/** The job that errors of the taking itself are reported with. */
const NO_JOB: Job = {
  id: "",
  owner: "",
  model: "",
  task: "text-to-image",
  input: { count: 1, format: "png", previews: 0 },
  createdAt: 0,
  keepMs: 0,
};
