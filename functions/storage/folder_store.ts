import { joinPath } from "@denoise/core";
import { checkKey, FILES_PATH, type Store, type StoredFile } from "./store.ts";

/** The media types that results have, by extension. */
const TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  wav: "audio/wav",
};

/** Names of files that are the store's; others in its folder are left alone. */
const OWN = /^\.?[0-9a-f]{32}\.[a-z]{3,4}(\.[0-9a-f-]{36})?$/;

/** How long files are kept. */
export interface FolderStoreOptions {
  /** Milliseconds from the time a file was put; for ever by default. */
  readonly ttlMs?: number | undefined;
}

/** A store whose old files are dropped. */
export interface FolderStore extends Store {
  /** Drops the files that are too old. */
  sweep(): Promise<void>;
}

/** Files in a folder. */
export function folderStore(
  folder: string,
  { ttlMs = Infinity }: FolderStoreOptions = {},
): FolderStore {
  const isOld = ({ mtime }: Deno.FileInfo): boolean =>
    mtime !== null && Date.now() - mtime.getTime() > ttlMs;
  return {
    async sweep(): Promise<void> {
      if (ttlMs === Infinity) return;
      for await (const { name, isFile } of Deno.readDir(folder)) {
        if (!isFile || !OWN.test(name)) continue;
        const path = joinPath(folder, name);
        const info = await Deno.stat(path).catch(() => undefined); // another process sweeps too
        if (info !== undefined && isOld(info)) await Deno.remove(path).catch(() => {});
      }
    },
    async put(key, { bytes }): Promise<void> {
      checkKey(key);
      await Deno.mkdir(folder, { recursive: true });
      const partial = joinPath(folder, `.${key}.${crypto.randomUUID()}`);
      try {
        await Deno.writeFile(partial, bytes, { createNew: true });
        await Deno.rename(partial, joinPath(folder, key));
      } catch (error) {
        await Deno.remove(partial).catch(() => {});
        throw error;
      }
    },
    async get(key): Promise<StoredFile | undefined> {
      checkKey(key);
      try {
        if (isOld(await Deno.stat(joinPath(folder, key)))) return undefined;
        const bytes = await Deno.readFile(joinPath(folder, key));
        const mediaType = TYPES[key.split(".").at(-1)!] ?? "application/octet-stream";
        return { bytes, mediaType };
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async delete(key): Promise<void> {
      checkKey(key);
      await Deno.remove(joinPath(folder, key)).catch(() => {});
    },
    url: (key, base) => Promise.resolve(`${base}${FILES_PATH}/${key}`),
  };
}
