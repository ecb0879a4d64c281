/** A stored file. */
export interface StoredFile {
  /** The file. */
  readonly bytes: Uint8Array;
  /** Its media type. */
  readonly mediaType: string;
}

/** Where images are put for callers who want an address of them. */
export interface Store {
  /** Stores a file under a key of letters, digits, `-`, `_` and `.`. */
  put(key: string, file: StoredFile): Promise<void>;
  /** The file of that key, or `undefined`. */
  get(key: string): Promise<StoredFile | undefined>;
  /** Drops a file; one that is not there is left so. */
  delete(key: string): Promise<void>;
  /**
   * The address of a file.
   *
   * @param base Where this server is reached, such as `https://images.example.com`.
   */
  url(key: string, base: string): Promise<string>;
}

/** Path under which the app serves files of stores that have no address of their own. */
export const FILES_PATH = "/files";

/**
 * Refuses a key that could name something else than a file of the store.
 *
 * @throws {TypeError} for anything but letters, digits, `-`, `_` and `.`.
 */
export function checkKey(key: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(key) && !key.includes("..")) return;
  throw new TypeError(`Cannot use ${JSON.stringify(key.slice(0, 50))} as the key of a file`);
}
