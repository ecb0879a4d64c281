import { Redis, type RedisOptions } from "ioredis";

/** How often a connection is tried, and how long it may be silent, in milliseconds. */
const PING_MS = 1_000;
const SILENT_MS = 3_000;

/**
 * A client of Redis that comes back by itself, also from a connection that swallows everything: a
 * firewall that dropped it closes nothing.
 */
export function connectRedis(url: string, options: RedisOptions = {}): Redis {
  const redis = new Redis(url, {
    connectTimeout: 3_000,
    retryStrategy: (times) => Math.min(1_000, 50 * times),
    maxRetriesPerRequest: null,
    autoResubscribe: false, // nobody could catch what becomes of that: see staySubscribed
    ...options,
  });
  redis.on("error", () => {}); // reported where a command fails
  let waitsSince: number | undefined;
  const pings = setInterval(() => {
    if (redis.status !== "ready") return;
    if (waitsSince !== undefined && performance.now() - waitsSince > SILENT_MS) {
      waitsSince = undefined;
      redis.stream.destroy();
    }
    if (waitsSince !== undefined) return;
    waitsSince = performance.now();
    redis.ping().catch(() => {}).finally(() => waitsSince = undefined);
  }, PING_MS);
  Deno.unrefTimer(pings);
  redis.once("end", () => clearInterval(pings));
  return redis;
}

/**
 * Subscribes whenever a connection is there, the first and each that comes after it. One that ends before Redis has
 * answered is no error.
 *
 * @param channels What there is to hear at that time.
 * @param onSubscribed Called when it is heard.
 */
export function staySubscribed(
  redis: Redis,
  channels: () => readonly string[],
  onSubscribed: () => void = () => {},
): void {
  const subscribe = async (): Promise<void> => {
    const names = channels();
    if (names.length > 0) await redis.subscribe(...names);
    onSubscribed();
  };
  redis.on("ready", () => void subscribe().catch(() => {}));
}
