import type { Job, JobEvent } from "../contract/job.ts";
import type { DeadLetters } from "./dead_letters.ts";

/** Where a job is. */
export type JobStatus = "queued" | "running" | "succeeded" | "failed" | "canceled";

/** What is known of a job. */
export interface JobRecord {
  /** The job, without the images that it was given. */
  readonly job: Job;
  /** Where it is. */
  readonly status: JobStatus;
  /** Jobs that are served before it; 0 when it runs or is done. */
  readonly position: number;
  /** The latest event of each kind. */
  readonly latest: { readonly [T in JobEvent["type"]]?: Extract<JobEvent, { type: T }> };
  /** What it warned of. */
  readonly warnings: readonly string[];
  /** When an engine took it, in milliseconds since 1970. */
  readonly startedAt?: number | undefined;
  /** When it ended, in milliseconds since 1970. */
  readonly endedAt?: number | undefined;
}

/** How full a queue is with the jobs of a model. */
export interface ModelDepth {
  /** The model. */
  readonly model: string;
  /** Jobs that wait. */
  readonly waiting: number;
  /** Jobs that run. */
  readonly running: number;
  /** About how long one runs, in milliseconds; undefined before the first has ended. */
  readonly runMs?: number | undefined;
  /** How many engines take its jobs, of all that share the queue; undefined where that is one process's. */
  readonly engines?: number | undefined;
}

/** How full a queue is. */
export interface QueueDepth {
  /** Jobs that wait. */
  readonly waiting: number;
  /** Jobs that run. */
  readonly running: number;
  /** Jobs that may wait. */
  readonly bound: number;
  /** The same by model, of those that have had jobs or have engines elsewhere. */
  readonly models: readonly ModelDepth[];
}

/**
 * Jobs on their way to an engine: in this process, or over a broker to engines elsewhere. Everything
 * that goes in or out is plain data.
 */
export interface JobQueue {
  /**
   * Takes a job; one whose id is there already is not taken again.
   *
   * @returns Whether it was taken now.
   * @throws {ServeError} `queue_full`, `shutting_down`.
   */
  submit(job: Job): Promise<boolean>;
  /**
   * The events of a job: those of the past (without old previews), then live, to its end.
   *
   * @throws {ServeError} `not_found`, `gone`; the signal's reason.
   */
  follow(id: string, signal?: AbortSignal): AsyncGenerator<JobEvent, void, void>;
  /**
   * What is known of a job.
   *
   * @throws {ServeError} `not_found`; `gone` when it ended too long ago.
   */
  find(id: string): Promise<JobRecord>;
  /** Ends a job before its next step; one that has ended or is not there is left as it is. */
  cancel(id: string): Promise<void>;
  /** Ids of the newest 1,000 jobs of an owner that can be looked up, the newest first. */
  idsOf(owner: string): Promise<string[]>;
  /**
   * What is known of several jobs; those that are not kept any more are left out. Images that lie in a
   * store have their keys, and no bytes.
   */
  findAll(ids: readonly string[]): Promise<JobRecord[]>;
  /** Jobs that failed though nothing was wrong with what was asked. */
  readonly deadLetters: DeadLetters;
  /** How full it is. */
  depth(): Promise<QueueDepth>;
  /**
   * Takes no more jobs, gives those that are there some time, and fails the rest.
   *
   * @param graceMs How much time.
   */
  close(graceMs: number): Promise<void>;
}
