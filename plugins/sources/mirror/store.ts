/** Where a mirror's files lie: whatever can be read by key, and perhaps listed. */

import { get, type HttpSettings, type OpenOptions } from "@denoise/hub/remote";

/** A file that a store lists. */
export interface StoredFile {
  /** Its key, without the mirror's own prefix. */
  readonly key: string;
  /** Its size in bytes. */
  readonly size: number;
  /** What the store gives as its ETag, without quotes. */
  readonly etag: string;
}

/** A place that holds files by key. */
export interface Store {
  /** Its address, for messages. */
  readonly name: string;
  /** How requests to it are made. */
  readonly settings: HttpSettings;
  /** Reads a file; `undefined` when there is none of that key. */
  read(key: string, doing: string, options?: OpenOptions): Promise<Response | undefined>;
  /** The files whose keys begin with a prefix; absent where a store cannot list. */
  list?(prefix: string, signal?: AbortSignal): Promise<StoredFile[]>;
}

function rangeOf({ start = 0, end }: OpenOptions): Record<string, string> {
  if (start === 0 && end === undefined) return {};
  return { range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
}

/** Reads files below an address. */
export function readBelow(base: string, settings: HttpSettings): Store["read"] {
  return async (key, doing, options = {}) => {
    const url = `${base}/${key.split("/").map(encodeURIComponent).join("/")}`;
    const response = await get(url, {
      doing,
      headers: { "accept-encoding": "identity", ...rangeOf(options) },
      // a bucket that may not be listed says 403 for what it does not have
      accept: [403, 404, 416],
      signal: options.signal,
    }, settings);
    if (response.status !== 404 && response.status !== 403) return response;
    await response.body?.cancel();
    return undefined;
  };
}

/** A folder on a web server. */
export function folderStore(base: string, settings: HttpSettings): Store {
  return { name: base, settings, read: readBelow(base, settings) };
}
