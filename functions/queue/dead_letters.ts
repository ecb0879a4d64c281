import { ServeError } from "../contract/errors.ts";
import { filesOf, type Job, type JobFailure, withoutFiles } from "../contract/job.ts";

/** What a job ends with that another try could make: faults of the server, not of the request. */
export const DEAD_CODES = [
  "engine_lost",
  "internal",
  "model_unavailable",
  "nan_output",
  "out_of_memory",
  "storage_failed",
  "timeout",
] as const;

/** Whether a job that ends so is kept for those who run the server. */
export function isDead({ code }: JobFailure): boolean {
  return (DEAD_CODES as readonly string[]).includes(code);
}

/** A job that failed though nothing was wrong with its request. */
export interface DeadLetter {
  /** The job, without the images that it was given. */
  readonly job: Job;
  /** Why it failed. */
  readonly failure: JobFailure;
  /** When, in milliseconds since 1970. */
  readonly failedAt: number;
}

/** The jobs of a queue that failed, the newest first: some number of them, for a day. */
export interface DeadLetters {
  /** What there is. */
  list(): Promise<DeadLetter[]>;
  /**
   * Puts one back into the queue under its id, before all that wait.
   *
   * @param keepMs How long its result is kept, in milliseconds, as nobody may wait for it any more.
   * @throws {ServeError} `not_found`; `gone` when the images that it was given are no longer kept.
   */
  retry(id: string, keepMs: number): Promise<void>;
  /**
   * Drops one.
   *
   * @throws {ServeError} `not_found`.
   */
  drop(id: string): Promise<void>;
}

/** How long they are kept, in milliseconds. */
export const DEAD_MS = 24 * 3_600_000;
/** Bytes of the images that those in the memory of a process were given. */
const MAX_BYTES = 64_000_000;

/** What is said where there is none of that id. */
export function noDeadLetter(id: string): ServeError {
  return new ServeError("not_found", `There is no dead letter ${JSON.stringify(id.slice(0, 100))}`);
}

/** What is said when a job of that id is under way again. */
export function underWay(id: string): ServeError {
  const message = `The job ${JSON.stringify(id.slice(0, 100))} is under way again`;
  return new ServeError("id_reused", message);
}

/** The bytes of the images that a job was given. */
export function fileBytes({ input }: Job): number {
  return filesOf(input).reduce((sum, { length }) => sum + length, 0);
}

/** Dead letters in memory. */
export class DeadLetterBox {
  readonly #max: number;
  readonly #letters = new Map<string, DeadLetter>();
  #bytes = 0;

  /** Keeps at most so many. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Keeps one; the oldest make room. */
  add(job: Job, failure: JobFailure): void {
    this.take(job.id);
    this.#letters.set(job.id, { job, failure, failedAt: Date.now() });
    this.#bytes += fileBytes(job);
    for (const [id, { failedAt }] of this.#letters) {
      const isOld = failedAt < Date.now() - DEAD_MS;
      if (!isOld && this.#letters.size <= this.#max && this.#bytes <= MAX_BYTES) break;
      this.take(id);
    }
  }

  /** What there is, the newest first. */
  list(): DeadLetter[] {
    return [...this.#letters.values()].reverse()
      .map((letter) => ({ ...letter, job: withoutFiles(letter.job) }));
  }

  /** The job of one. */
  get(id: string): Job | undefined {
    return this.#letters.get(id)?.job;
  }

  /** Takes one out. */
  take(id: string): Job | undefined {
    const job = this.get(id);
    if (job !== undefined && this.#letters.delete(id)) this.#bytes -= fileBytes(job);
    return job;
  }
}
