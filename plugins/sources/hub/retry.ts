/** When to ask again, and how long to wait first. */

/** How failed requests are repeated. */
export interface RetryPolicy {
  /** How often a request that failed is repeated. */
  readonly retries: number;
  /** The wait before the first repetition in milliseconds; it doubles each time. */
  readonly firstDelay: number;
  /** The longest wait in milliseconds, also when the server asks for a longer one. */
  readonly longestDelay: number;
}

/** Five times, after 1, 2, 4, 8 and 16 seconds; a server may ask for up to five minutes. */
export const RETRY_POLICY: RetryPolicy = { retries: 5, firstDelay: 1000, longestDelay: 300_000 };

/** Whether a status says that the same request may succeed later. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

/**
 * The wait that a server asks for in milliseconds: `Retry-After` in seconds or as a date, or the
 * Hub's `RateLimit: "api";r=0;t=55`.
 */
export function askedDelay(headers: Headers, now: number = Date.now()): number | undefined {
  const header = headers.get("retry-after")?.trim();
  if (header !== undefined && /^\d+(\.\d+)?$/.test(header)) return Number(header) * 1000;
  const date = header === undefined ? NaN : Date.parse(header);
  if (!Number.isNaN(date)) return Math.max(0, date - now);
  const limit = headers.get("ratelimit")?.match(/;\s*r=0\s*;\s*t=(\d+)/);
  return limit?.[1] === undefined ? undefined : Number(limit[1]) * 1000;
}

/** The wait before repetition number `attempt` (from 0), with up to a quarter of jitter. */
export function backoff(attempt: number, policy: RetryPolicy): number {
  const delay = Math.min(policy.firstDelay * 2 ** attempt, policy.longestDelay);
  return delay * (1 + Math.random() / 4);
}

/** Waits, unless the signal fires first. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((done) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      done();
    };
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener("abort", finish, { once: true });
  });
  signal?.throwIfAborted();
}
