import { joinPath } from "@denoise/core";
import { checkKey, FILES_PATH, type Store, type StoredFile } from "./store.ts";

/** The media types that results have, by extension. */
const TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
};

/** Files in a folder; what happens to old ones is left to whoever owns it. */
export function folderStore(folder: string): Store {
  return {
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
