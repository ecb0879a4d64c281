import { ServeError, toFailure } from "../contract/errors.ts";
import type { Job, JobEvent } from "../contract/job.ts";
import type { ServingEngine } from "../engine/engine.ts";

/** How often a job is given to an engine that dies of it. */
const ATTEMPTS = 2;

/**
 * Runs a job to its end, and once more when the engine was lost. Ends without a last event when the
 * signal fires: whoever fired it knows why.
 *
 * @param onError Called with errors that are nobody's fault but the server's.
 */
export async function* runAttempts(
  engine: ServingEngine,
  job: Job,
  signal: AbortSignal,
  onError?: (job: Job, error: unknown) => void,
): AsyncGenerator<JobEvent, void, void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await engine.ready(signal);
      yield { type: "started", attempt };
      yield* engine.run(job, signal);
      return;
    } catch (error) {
      const isLost = error instanceof ServeError && error.code === "engine_lost";
      if (signal.aborted || isLost && attempt < ATTEMPTS) continue;
      const failure = toFailure(error);
      if (failure.code === "internal") onError?.(job, error);
      yield { type: "failed", failure };
      return;
    }
  }
}
