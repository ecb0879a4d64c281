import { ServeError } from "../../contract/errors.ts";
import { rateLimited } from "../../http/rate_limit.ts";
import { connectRedis } from "./connect.ts";
import { namesUnder } from "./names.ts";
import { runScript } from "./scripts.ts";

/** A check of how often an owner asks, over all edges together. */
export interface RedisRateLimit {
  /**
   * Counts a request.
   *
   * @throws {ServeError} `rate_limited`; `shutting_down` when Redis cannot be reached.
   */
  check(owner: string): Promise<void>;
  /** Counts no more. */
  close(): void;
}

/**
 * Makes the check: a bucket that holds a minute's requests and fills evenly, in Redis.
 *
 * @param perMinuteOf 0 lets everything pass.
 */
export function redisRateLimit(
  url: string,
  perMinuteOf: (owner: string) => number,
  prefix = "denoise",
): RedisRateLimit {
  const { root } = namesUnder(prefix);
  const redis = connectRedis(url, { maxRetriesPerRequest: 1, commandTimeout: 4_000 });
  return {
    async check(owner): Promise<void> {
      const perMinute = perMinuteOf(owner);
      if (perMinute === 0) return;
      let waits: number;
      try {
        waits = Number(await runScript(redis, "rate", root, owner, perMinute));
      } catch (cause) {
        const message = "The queue cannot be reached now; ask again";
        throw new ServeError("shutting_down", message, { cause, retryAfterMs: 2_000 });
      }
      if (waits > 0) throw rateLimited(perMinute, waits);
    },
    close: () => redis.disconnect(),
  };
}
