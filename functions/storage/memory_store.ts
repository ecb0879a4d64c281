import { checkKey, FILES_PATH, type Store, type StoredFile } from "./store.ts";

/** How much a {@linkcode memoryStore} keeps. */
export interface MemoryStoreOptions {
  /** Bytes of all files; the oldest make room. 256 MB by default. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that a file is kept. Defaults to 3,600,000. */
  readonly ttlMs?: number | undefined;
}

/** Files in memory, for a while. */
export function memoryStore(
  { maxBytes = 256_000_000, ttlMs = 3_600_000 }: MemoryStoreOptions = {},
): Store {
  const files = new Map<string, StoredFile & { readonly until: number }>();
  let total = 0;

  function drop(key: string): void {
    total -= files.get(key)?.bytes.length ?? 0;
    files.delete(key);
  }

  return {
    put(key, { bytes, mediaType }): Promise<void> {
      checkKey(key);
      drop(key);
      const now = Date.now();
      files.set(key, { bytes, mediaType, until: now + ttlMs });
      total += bytes.length;
      for (const [oldest, { until }] of files) {
        if (oldest === key || total <= maxBytes && until > now) break;
        drop(oldest);
      }
      return Promise.resolve();
    },
    get(key): Promise<StoredFile | undefined> {
      const file = files.get(key);
      return Promise.resolve(file !== undefined && file.until > Date.now() ? file : undefined);
    },
    delete(key): Promise<void> {
      drop(key);
      return Promise.resolve();
    },
    url: (key, base) => Promise.resolve(`${base}${FILES_PATH}/${key}`),
  };
}
