/** Locks between processes, and between tasks of one: flock(2) on the files that Python locks too. */

import { dirname } from "node:path";
import { throwIfAborted } from "@denoise/core";
import { makeFolder } from "./files.ts";
import { pause } from "./retry.ts";

const LONGEST_WAIT = 250;

async function acquire(
  file: Deno.FsFile,
  doing: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (let wait = 10;; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      if (await file.tryLock(true)) return true;
    } catch {
      // some network file systems have no locks
      return false;
    }
    await pause(wait, signal, doing);
  }
}

/**
 * Runs a task while holding a lock.
 *
 * @param task Is told whether the lock could be had: some network file systems have none. Nothing
 * that the cache shows depends on it, since files become visible whole; it saves double downloads.
 */
export async function withLock<T>(
  path: string,
  doing: string,
  signal: AbortSignal | undefined,
  task: (locked: boolean) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal, doing);
  await makeFolder(dirname(path));
  // group-writable, as Python makes them, so that users who share a cache wait for each other
  using file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o664 });
  const locked = await acquire(file, doing, signal);
  try {
    return await task(locked);
  } finally {
    if (locked) await file.unlock();
  }
}
