import type { Redis } from "ioredis";
import { checkKey, FILES_PATH, type Store, type StoredFile } from "./store.ts";

/** Where in Redis, and for how long. */
export interface RedisStoreOptions {
  /** What every key begins with; `denoise` unless given. */
  readonly prefix?: string | undefined;
  /** Milliseconds that a file is kept; 3,600,000 unless given. */
  readonly ttlMs?: number | undefined;
}

/** Files in Redis, for a while: for a few workers without a storage of their own. */
export function redisStore(
  redis: Redis,
  { prefix = "denoise", ttlMs = 3_600_000 }: RedisStoreOptions = {},
): Store {
  const keyOf = (key: string): string => {
    checkKey(key);
    return `${prefix}:file:${key}`;
  };
  return {
    async put(key, { bytes, mediaType }): Promise<void> {
      const name = keyOf(key);
      const { Buffer } = await import("node:buffer");
      await redis.multi()
        .hset(name, { mediaType, bytes: Buffer.from(bytes) })
        .pexpire(name, ttlMs)
        .exec();
    },
    async get(key): Promise<StoredFile | undefined> {
      const { bytes, mediaType } = await redis.hgetallBuffer(keyOf(key));
      if (bytes === undefined || mediaType === undefined) return undefined;
      return { bytes: new Uint8Array(bytes), mediaType: String(mediaType) };
    },
    url: (key, base) => Promise.resolve(`${base}${FILES_PATH}/${key}`),
  };
}
