import { ServeError } from "../contract/errors.ts";

/** Owners that are remembered at most. */
const MAX_OWNERS = 10_000;

/**
 * Makes the check of how often an owner asks: a bucket that holds a minute's requests and fills evenly.
 *
 * @param perMinute 0 lets everything pass.
 * @param now Milliseconds, from any beginning.
 */
export function rateLimit(
  perMinute: number,
  now: () => number = () => performance.now(),
): (owner: string) => void {
  if (perMinute === 0) return () => {};
  const buckets = new Map<string, { tokens: number; at: number }>();
  const perMs = perMinute / 60_000;
  return (owner) => {
    const at = now();
    const bucket = buckets.get(owner) ?? { tokens: perMinute, at };
    const tokens = Math.min(perMinute, bucket.tokens + (at - bucket.at) * perMs);
    buckets.delete(owner);
    buckets.set(owner, { tokens: tokens < 1 ? tokens : tokens - 1, at });
    if (buckets.size > MAX_OWNERS) buckets.delete(buckets.keys().next().value!);
    if (tokens >= 1) return;
    throw new ServeError("rate_limited", `A key may ask ${perMinute} times a minute; ask later`, {
      retryAfterMs: Math.ceil((1 - tokens) / perMs),
    });
  };
}
