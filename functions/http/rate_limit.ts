import { ServeError } from "../contract/errors.ts";

/** Owners that are remembered at most. */
const MAX_OWNERS = 10_000;

/**
 * Makes the check of how often an owner asks: a bucket that holds a minute's requests and fills evenly.
 *
 * @param perMinute 0 lets everything pass.
 * @param perMinuteOf The same for an owner of its own.
 * @param now Milliseconds, from any beginning.
 */
export function rateLimit(
  perMinute: number,
  perMinuteOf: (owner: string) => number | undefined = () => undefined,
  now: () => number = () => performance.now(),
): (owner: string) => void {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (owner) => {
    const most = perMinuteOf(owner) ?? perMinute;
    if (most === 0) return;
    const perMs = most / 60_000;
    const at = now();
    const bucket = buckets.get(owner) ?? { tokens: most, at };
    const tokens = Math.min(most, bucket.tokens + (at - bucket.at) * perMs);
    buckets.delete(owner);
    buckets.set(owner, { tokens: tokens < 1 ? tokens : tokens - 1, at });
    if (buckets.size > MAX_OWNERS) buckets.delete(buckets.keys().next().value!);
    if (tokens < 1) throw rateLimited(most, Math.ceil((1 - tokens) / perMs));
  };
}

/** What is said to who asks too often. */
export function rateLimited(perMinute: number, retryAfterMs: number): ServeError {
  const message = `A key may ask ${perMinute} times a minute; ask later`;
  return new ServeError("rate_limited", message, { retryAfterMs });
}
