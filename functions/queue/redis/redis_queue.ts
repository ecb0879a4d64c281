import type { Redis } from "ioredis";
import { Channel } from "../../async/channel.ts";
import { within } from "../../async/within.ts";
import { ServeError } from "../../contract/errors.ts";
import { isLast, type Job, type JobEvent } from "../../contract/job.ts";
import { madeAt } from "../../contract/job_id.ts";
import type { Store } from "../../storage/store.ts";
import type { ByteBudgetOptions } from "../byte_budget.ts";
import { Entry } from "../entry.ts";
import { type DeadLetters, fileBytes, noDeadLetter, underWay } from "../dead_letters.ts";
import { queueFull, shuttingDown } from "../memory_queue.ts";
import { type Timeouts, timeoutsOf } from "../timeouts.ts";
import type { JobQueue, JobRecord, QueueDepth } from "../queue.ts";
import { connectRedis, staySubscribed } from "./connect.ts";
import { enginesIn, membersOf } from "./members.ts";
import { type Names, namesUnder } from "./names.ts";
import { runScript, type ScriptName } from "./scripts.ts";
import { startSweeps } from "./sweeps.ts";
import {
  dropGiven,
  failedText,
  packJob,
  unpackEvent,
  unpackJobWithoutFiles,
  unpackWithoutFiles,
} from "./wire.ts";

/** How a {@linkcode redisQueue} works. */
export interface RedisQueueOptions extends Timeouts {
  /** Address of Redis, such as `redis://localhost:6379`. */
  readonly url: string;
  /** Where files go: the same for every edge and worker. */
  readonly store: Store;
  /** What every key begins with. Defaults to `denoise`. */
  readonly prefix?: string | undefined;
  /** Jobs that may wait, over all edges. Defaults to 64. */
  readonly bound?: number | undefined;
  /** Places that every owner has, however many others wait; none by default. */
  readonly share?: number | undefined;
  /** Places of an owner at most; all of them by default. */
  readonly placesOf?: ((owner: string) => number | undefined) | undefined;
  /** Bytes of the images that jobs under way were given; any by default. */
  readonly files?: ByteBudgetOptions | undefined;
  /** Jobs that failed by a fault of the server and are kept for those who run it. Defaults to 100. */
  readonly maxDeadLetters?: number | undefined;
  /** Milliseconds after which a caller who waits is taken for gone with its edge. Defaults to 30,000. */
  readonly callerMs?: number | undefined;
}

/**
 * A queue in Redis: jobs are done by workers elsewhere, and outlive this process. Owners are served in
 * turn. Needs one Redis (or a primary with replicas), not a Redis Cluster.
 */
export function redisQueue(options: RedisQueueOptions): JobQueue {
  return new RedisQueue(options);
}

/** Milliseconds after which a command to Redis has failed. */
const COMMAND_MS = 4_000;
/** How often a follower looks whether it has missed something, in milliseconds. */
const LOOK_MS = 2_000;
/** How long a job without a reader is remembered, in milliseconds. */
const UNREAD_MS = 60_000;
/** How long it is remembered that a job was there, in milliseconds. */
const HAD_MS = 24 * 3_600_000;
/** How long Redis is waited for when a program ends, in milliseconds. */
export const GOODBYE_MS = 2_000;
/** How long a subscription is waited for, in milliseconds. */
const SUBSCRIBE_MS = 1_000;
/** How long after its deadline a job's end is waited for, in milliseconds. */
const LATE_MS = 10_000;

/** How far a follower has read the stream of a job: the place and number of the last event. */
interface Read {
  place: string;
  number: number;
}

class RedisQueue implements JobQueue {
  readonly #options: RedisQueueOptions;
  readonly #names: Names;
  readonly #store: Store;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #bound: number;
  readonly #timeoutMs: number;
  readonly #callerMs: number;
  readonly #followers = new Map<string, Set<Channel<string>>>();
  /** Jobs whose callers wait here. */
  readonly #waitedFor = new Set<string>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #stopSweeps: () => void;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: RedisQueueOptions) {
    const { url, store, prefix = "denoise", bound = 64, timeoutMs = 600_000 } = options;
    this.#options = options;
    this.#names = namesUnder(prefix);
    this.#store = store;
    this.#bound = bound;
    this.#timeoutMs = timeoutMs;
    this.#callerMs = options.callerMs ?? 30_000;
    this.#redis = connectRedis(url, { commandTimeout: COMMAND_MS, maxRetriesPerRequest: 1 });
    this.#subscriber = connectRedis(url);
    this.#subscriber.on("message", (channel: string, message: string) => {
      this.#followers.get(channel)?.forEach((follower) => follower.push(message));
    });
    staySubscribed(this.#subscriber, () => [...this.#followers.keys()], () => this.#lookAll());
    this.#timers.push(
      setInterval(() => this.#lookAll(), LOOK_MS),
      setInterval(() => this.#renewCallers(), this.#callerMs / 5),
    );
    this.#stopSweeps = startSweeps(this.#redis, this.#names);
  }

  async submit(job: Job): Promise<boolean> {
    if (this.#closed) throw shuttingDown();
    const { share = 0, placesOf, files } = this.#options;
    const { id, owner, model, keepMs } = job;
    const waits = keepMs === 0;
    const text = await packJob(job, this.#store);
    const token = crypto.randomUUID();
    if (waits) this.#waitedFor.add(id);
    try {
      const [answer, ...rest] = await reached(() =>
        this.#run(
          "submit",
          id,
          token,
          text,
          owner,
          model,
          keepMs || UNREAD_MS,
          timesOf(job, this.#options),
          this.#bound,
          share,
          placesOf?.(owner) ?? 1e9,
          job.priority === "batch" ? 1 : 0,
          fileBytes(job),
          files?.maxBytes ?? 1e15,
          files?.maxBytesPerOwner ?? files?.maxBytes ?? 1e15,
          waits ? this.#callerMs : 0,
          madeAt(id) === undefined ? 1 : 0,
          this.#options.maxDeadLetters ?? 100,
        )
      ) as [string, ...(string | number)[]];
      if (answer === "taken") return true;
      if (answer === "known") return false;
      if (answer === "full") throw queueFull(Number(rest[0]), rest[1] === 1, 2_000);
      if (answer === "heavy") {
        const message =
          "Cannot take the request: the images of those that wait hold as many bytes " +
          "as they may; ask again later";
        throw new ServeError("overloaded", message, { retryAfterMs: 2_000 });
      }
      throw new ServeError("canceled", "The run was cancelled");
    } catch (error) {
      this.#waitedFor.delete(id);
      // it may have come, or come yet, and who asks again would have it drawn twice; under an id of the
      // caller's own it would not
      const isUnsure = error instanceof ServeError && error.code === "shutting_down";
      if (isUnsure && madeAt(id) !== undefined) this.#takeBack(id);
      throw error;
    }
  }

  async *follow(id: string, signal?: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const { leftMs } = await this.#find(id);
    signal?.throwIfAborted();
    const channel = this.#names.live(id);
    const live = new Channel<string>();
    const onAbort = (): void => live.end(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const message = "Cannot make the image: it took longer than the server allows";
    const late = setTimeout(
      () => live.end(new ServeError("timeout", message)),
      leftMs + LATE_MS,
    );
    const isFirst = this.#follow(channel, live);
    try {
      // where Redis is away it is subscribed later, and looks find the events before
      if (isFirst) await within(this.#subscriber.subscribe(channel), SUBSCRIBE_MS);
      const read: Read = { place: "-", number: 0 };
      const behind = reached(() => this.#behind(id, read));
      for (const event of await behind) {
        yield event;
        if (isLast(event)) return;
      }
      for await (const message of live) {
        for (const event of await this.#next(id, message, read)) {
          yield event;
          if (isLast(event)) return;
        }
      }
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", onAbort);
      this.#unfollow(channel, live);
      this.#waitedFor.delete(id);
    }
  }

  async find(id: string): Promise<JobRecord> {
    return await this.#record(id, (text) => unpackEvent(text, this.#store));
  }

  async idsOf(owner: string): Promise<string[]> {
    return await reached(() => this.#run("list", owner)) as string[];
  }

  async findAll(ids: readonly string[]): Promise<JobRecord[]> {
    const records = await Promise.all(ids.map(async (id) => {
      try {
        return await this.#record(id, unpackWithoutFiles);
      } catch (error) {
        const { code } = error as ServeError;
        if (code === "gone" || code === "not_found") return undefined;
        throw error;
      }
    }));
    return records.filter((record) => record !== undefined);
  }

  readonly deadLetters: DeadLetters = {
    list: async () => {
      const letters = await reached(() => this.#run("dead")) as [string, string, string][];
      return letters.map(([text, failed, at]) => {
        const { failure } = JSON.parse(failed) as JobEvent & { type: "failed" };
        return { job: unpackJobWithoutFiles(text), failure, failedAt: Number(at) };
      });
    },
    retry: async (id, keepMs) => {
      const answer = await reached(() => this.#run("retry", id, keepMs));
      if (answer === "known") throw underWay(id);
      if (answer === null) throw noDeadLetter(id);
    },
    drop: async (id) => {
      const text = await reached(() => this.#run("drop", id)) as string | null;
      if (text === null) throw noDeadLetter(id);
      await dropGiven(text, this.#store);
    },
  };

  async cancel(id: string): Promise<void> {
    this.#waitedFor.delete(id);
    await reached(() => this.#cancel(id));
  }

  async depth(): Promise<QueueDepth> {
    const { root } = this.#names;
    const [[waiting, running], counts, paces, members] = await reached(() =>
      Promise.all([
        this.#redis.hmget(`${root}:counts`, "waiting", "running"),
        this.#redis.hgetall(`${root}:models`),
        this.#redis.hgetall(`${root}:paces`),
        membersOf(this.#redis, this.#names),
      ])
    );
    const engines = enginesIn(members);
    const names = [
      ...Object.keys(counts).map((name) => name.replace(/^\w+ /, "")),
      ...Object.keys(paces),
      ...engines.keys(),
    ];
    const models = [...new Set(names)].map((model) => ({
      model,
      waiting: Number(counts[`waiting ${model}`] ?? 0),
      running: Number(counts[`running ${model}`] ?? 0),
      runMs: paces[model] === undefined ? undefined : Number(paces[model]),
      engines: engines.get(model) ?? 0,
    }));
    return { waiting: Number(waiting), running: Number(running), bound: this.#bound, models };
  }

  /** Jobs that are kept stay in Redis, where workers go on with them; callers who wait have some time. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    if (this.#followers.size > 0) await within(this.#idle.promise, graceMs);
    const waitedFor = [...this.#waitedFor];
    this.#eachFollower((follower) => follower.end(shuttingDown()));
    if (this.#followers.size > 0) await within(this.#idle.promise, GOODBYE_MS);
    const left = waitedFor.map((id) => this.#cancel(id).catch(() => {}));
    await within(Promise.all(left), GOODBYE_MS);
    this.#stopSweeps();
    for (const timer of this.#timers) clearInterval(timer);
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  async #run(name: ScriptName, ...args: (string | number)[]): Promise<unknown> {
    return await runScript(this.#redis, name, this.#names.root, ...args);
  }

  async #cancel(id: string): Promise<void> {
    await this.#run("cancel", id, JSON.stringify({ type: "canceled" }));
  }

  /** Cancels as soon as Redis can be reached. */
  async #takeBack(id: string): Promise<void> {
    for (const end = Date.now() + this.#timeoutMs; Date.now() < end && !this.#closed;) {
      try {
        return await this.#cancel(id);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async #record(
    id: string,
    unpack: (text: string) => JobEvent | Promise<JobEvent>,
  ): Promise<JobRecord> {
    const { job, position } = await this.#find(id);
    const entry = new Entry(job);
    for (const [place, text] of await reached(() => this.#events(id, "-"))) {
      entry.tell(await unpack(text), Number(place.split("-")[0]));
    }
    return entry.record(entry.status === "queued" ? position : 0);
  }

  async #find(id: string): Promise<{ job: Job; position: number; leftMs: number }> {
    const found = await reached(() => this.#run("find", id)) as
      | [text: string, state: string, position: number, left: number]
      | ["gone"]
      | null;
    const made = madeAt(id) ?? NaN;
    if (found !== null && found.length > 1) {
      const [text, , position, leftMs] = found as [string, string, number, number];
      return { job: unpackJobWithoutFiles(text), position, leftMs };
    }
    if (found !== null || made > Date.now() - HAD_MS && made <= Date.now() + 60_000) {
      throw new ServeError("gone", "That result is no longer kept");
    }
    throw new ServeError("not_found", `There is no job ${JSON.stringify(id.slice(0, 100))}`);
  }

  /** What a live message tells; everything that was missed before it is read from the stream. */
  async #next(id: string, message: string, read: Read): Promise<JobEvent[]> {
    if (message !== LOOK) {
      const [, digits, place, text] = message.match(/^(\d+) (\S+) (.*)$/s)!;
      const number = Number(digits);
      if (number === 0) return [await unpackEvent(text!, this.#store)]; // a preview is not kept
      if (number <= read.number) return [];
      if (number === read.number + 1) {
        const event = await unpackEvent(text!, this.#store);
        read.place = `(${place}`;
        read.number = number;
        return [event];
      }
    }
    try {
      return await this.#behind(id, read);
    } catch (error) {
      if (error instanceof ServeError) throw error;
      return []; // Redis cannot be reached: the next look does
    }
  }

  /** What the stream tells after a place. */
  async #behind(id: string, read: Read): Promise<JobEvent[]> {
    const events: JobEvent[] = [];
    for (const [place, text, number] of await this.#events(id, read.place)) {
      events.push(await unpackEvent(text, this.#store));
      read.place = `(${place}`;
      read.number = number;
    }
    return events;
  }

  async #events(
    id: string,
    from: string,
  ): Promise<[place: string, text: string, number: number][]> {
    const entries = await this.#redis.xrange(this.#names.events(id), from, "+");
    return entries.map(([place, [, number, , text]]) => [place, text!, Number(number)]);
  }

  #lookAll(): void {
    this.#eachFollower((follower) => {
      if (follower.behind === 0) follower.push(LOOK);
    });
  }

  #eachFollower(call: (follower: Channel<string>) => void): void {
    for (const followers of this.#followers.values()) followers.forEach(call);
  }

  /** Whether it is the first of its channel. */
  #follow(channel: string, follower: Channel<string>): boolean {
    const followers = this.#followers.get(channel);
    this.#followers.set(channel, (followers ?? new Set()).add(follower));
    return followers === undefined;
  }

  #unfollow(channel: string, follower: Channel<string>): void {
    const followers = this.#followers.get(channel);
    followers?.delete(follower);
    if (followers?.size !== 0) return;
    this.#followers.delete(channel);
    this.#subscriber.unsubscribe(channel).catch(() => {});
    if (this.#followers.size > 0) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  /** Says that the callers of these jobs are still there. */
  #renewCallers(): void {
    if (this.#waitedFor.size === 0) return;
    this.#run("callers", this.#callerMs, ...this.#waitedFor).catch(() => {});
  }
}

/** Tells a follower to look at the stream; any other message tells an event by number and place. */
const LOOK = "look";

/** How long a job may take, for the scripts. */
function timesOf(job: Job, options: Timeouts): string {
  const { whole, wait, run } = timeoutsOf(job, options);
  return JSON.stringify({
    whole: whole.ms,
    wholeLate: failedText(whole.failure),
    wait: wait.ms,
    waitLate: failedText(wait.failure),
    run: run.ms,
    runLate: failedText(run.failure),
  });
}

/** Redis that cannot be reached is an error for the caller. */
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
