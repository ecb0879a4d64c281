import type { Job, JobFailure } from "../contract/job.ts";

/** How long jobs may take. */
export interface Timeouts {
  /** Milliseconds from the acceptance of a job to its end. Defaults to 600,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that a job may wait until an engine takes it; as long as it may take by default. */
  readonly queueTimeoutMs?: number | undefined;
  /** Milliseconds from then to its end; as long as it may take by default. */
  readonly runTimeoutMs?: number | undefined;
}

/** A time, and why a job ends with it. */
export interface Timeout {
  /** Milliseconds. */
  readonly ms: number;
  /** What its caller is told. */
  readonly failure: JobFailure;
}

/** Everything that can be too long for a job. */
export interface JobTimeouts {
  /** From its acceptance to its end. */
  readonly whole: Timeout;
  /** From its acceptance to when an engine takes it. */
  readonly wait: Timeout;
  /** From then to its end. */
  readonly run: Timeout;
}

const timeout = (ms: number, code: string, why: string): Timeout => ({
  ms,
  failure: { code, message: `Cannot make the image: ${why}` },
});

/** What holds for a job: what the server allows, or its caller where that is less. */
export function timeoutsOf(
  { timeoutMs: callerMs = Infinity }: Job,
  options: Timeouts,
): JobTimeouts {
  const { timeoutMs = 600_000, queueTimeoutMs = Infinity, runTimeoutMs = Infinity } = options;
  const whole = callerMs < timeoutMs
    ? timeout(callerMs, "expired", "it took longer than its caller allowed")
    : timeout(timeoutMs, "timeout", "it took longer than the server allows");
  const seconds = queueTimeoutMs / 1000;
  const wait = timeout(
    queueTimeoutMs,
    "queue_timeout",
    `no engine was free within ${seconds} seconds, and that is how long requests wait; ask again later`,
  );
  const run = timeout(runTimeoutMs, "timeout", "its run took longer than the server allows");
  return { whole, wait: sooner(wait, whole), run: sooner(run, whole) };
}

/** The one that comes first. */
export function sooner(one: Timeout, other: Timeout): Timeout {
  return one.ms < other.ms ? one : other;
}
