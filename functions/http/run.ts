import { fromFailure, ServeError } from "../contract/errors.ts";
import { isLast, type Job, type JobEvent } from "../contract/job.ts";
import type { JobQueue } from "../queue/queue.ts";

/** The end of a job that went well, with what it warned of. */
export type Finished = Extract<JobEvent, { type: "succeeded" }> & {
  /** What the caller should know. */
  readonly warnings: readonly string[];
  /** Milliseconds in the queue. */
  readonly queueMs: number;
};

/** What a submitted job tells; it is cancelled when the reader stops before its end. */
export async function* followOwn(
  queue: JobQueue,
  { id }: Job,
  signal: AbortSignal,
): AsyncGenerator<JobEvent, void, void> {
  let ended = false;
  try {
    for await (const event of queue.follow(id, signal)) {
      ended = isLast(event);
      yield event;
    }
  } finally {
    if (!ended) await queue.cancel(id);
  }
}

/**
 * Runs a job to its end.
 *
 * @throws {ServeError} for a job that failed or was cancelled.
 */
export async function runToEnd(queue: JobQueue, job: Job, signal: AbortSignal): Promise<Finished> {
  const submitted = performance.now();
  await queue.submit(job);
  const warnings = [...job.warnings ?? []];
  let queueMs = 0;
  for await (const event of followOwn(queue, job, signal)) {
    if (event.type === "started") queueMs = performance.now() - submitted;
    if (event.type === "warning") warnings.push(event.message);
    if (event.type === "succeeded") return { ...event, warnings, queueMs };
    throwIfFailed(event, job);
  }
  throw new ServeError("internal", "The run ended without a result");
}

/** Throws what a last event tells, unless it went well; a field is named as its caller named it. */
export function throwIfFailed(event: JobEvent, { names = {} }: Pick<Job, "names">): void {
  if (event.type === "failed") {
    const { field } = event.failure;
    throw fromFailure({ ...event.failure, field: field && (names[field] ?? field) });
  }
  if (event.type === "canceled") throw new ServeError("canceled", "The run was cancelled");
}
