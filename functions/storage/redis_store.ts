import { checkKey, FILES_PATH, type Store, type StoredFile } from "./store.ts";

/** Where in Redis, and for how long. */
export interface RedisStoreOptions {
  /** What every key begins with. Defaults to `denoise`. */
  readonly prefix?: string | undefined;
  /** Milliseconds that a file is kept. Defaults to 3,600,000. */
  readonly ttlMs?: number | undefined;
}

/** What the store needs of a client of Redis; those of ioredis have it. */
export interface RedisClient {
  /** Begins a transaction. */
  multi(): RedisTransaction;
  /** The fields of a hash. */
  hgetallBuffer(key: string): Promise<Record<string, Uint8Array>>;
}

/** Commands that are sent together. */
export interface RedisTransaction {
  /** Sets fields of a hash. */
  hset(key: string, fields: object): RedisTransaction;
  /** Lets a key end after some milliseconds. */
  pexpire(key: string, ms: number): RedisTransaction;
  /** Sends them. */
  exec(): Promise<unknown>;
}

/** Files in Redis, for a while: for a few workers without a storage of their own. */
export function redisStore(
  redis: RedisClient,
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
      return { bytes: new Uint8Array(bytes), mediaType: new TextDecoder().decode(mediaType) };
    },
    async delete(key): Promise<void> {
      await redis.multi().pexpire(keyOf(key), 0).exec();
    },
    url: (key, base) => Promise.resolve(`${base}${FILES_PATH}/${key}`),
  };
}
