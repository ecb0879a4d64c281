import { isLast, type Job, type JobEvent, resultsOf, withoutFiles } from "../contract/job.ts";
import { EventLog } from "./event_log.ts";
import type { Rank } from "./fair_line.ts";
import type { JobRecord, JobStatus } from "./queue.ts";

/** About the bytes of a job with all of its events, beside files and texts. */
const OVERHEAD = 8_000;

/** A job in a queue of this process. */
export class Entry {
  /** What it tells. */
  readonly log = new EventLog();
  /** Ends its run. */
  readonly controller = new AbortController();
  /** When it came, by `performance.now()`. */
  readonly acceptedAt: number = performance.now();
  /** Jobs that are served before it, as of the last event. */
  position = -1;
  #job: Job;
  #latest: JobRecord["latest"] = {};
  #warnings: string[] = [];
  #startedAt: number | undefined;
  #endedAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Which line it waits in. */
  readonly rank: Rank;

  constructor(job: Job, rank: Rank = job.priority === "batch" ? 2 : 1) {
    this.#job = job;
    this.rank = rank;
  }

  /** The job; the images that it was given are dropped at its end. */
  get job(): Job {
    return this.#job;
  }

  /** Whether its last event has come. */
  get ended(): boolean {
    return this.#endedAt !== undefined;
  }

  /** Where it is. */
  get status(): JobStatus {
    const { succeeded, failed, canceled } = this.#latest;
    const last = succeeded ?? failed ?? canceled;
    if (last !== undefined) return last.type;
    return this.#startedAt === undefined ? "queued" : "running";
  }

  /** About the memory that it takes in bytes: files, texts, and what any job takes. */
  get bytes(): number {
    const { succeeded } = this.#latest;
    const results = succeeded === undefined ? [] : resultsOf(succeeded);
    const files = results.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const { prompt = "", negativePrompt = "", lyrics = "" } = this.#job.input;
    const texts = (prompt.length + negativePrompt.length + lyrics.length) * (2 + results.length);
    const warnings = this.#warnings.reduce((sum, { length }) => sum + length, 0);
    return files + 2 * (texts + warnings) + OVERHEAD;
  }

  /**
   * Remembers an event and tells it to those who follow.
   *
   * @param at When it was, in milliseconds since 1970.
   */
  tell(event: JobEvent, at: number = Date.now()): void {
    this.#latest = { ...this.#latest, [event.type]: event };
    if (event.type === "queued") this.position = event.position;
    if (event.type === "started") this.#startedAt ??= at;
    if (event.type === "warning") this.#warnings.push(event.message);
    if (isLast(event)) {
      this.#endedAt = at;
      const { preview: _, ...latest } = this.#latest;
      this.#latest = latest;
      this.#job = withoutFiles(this.#job);
    }
    this.log.push(event);
  }

  /** What is known of it. */
  record(position: number): JobRecord {
    return {
      job: this.job,
      status: this.status,
      position,
      latest: this.#latest,
      warnings: this.#warnings,
      startedAt: this.#startedAt,
      endedAt: this.#endedAt,
    };
  }

  /** Calls back when it has taken too long; a timer before is no more. */
  startTimer(ms: number, onTimeout: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onTimeout, ms);
  }

  /** There is nothing to wait for any more. */
  clearTimer(): void {
    clearTimeout(this.#timer);
  }
}
