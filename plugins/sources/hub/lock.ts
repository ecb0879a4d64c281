/** Locks between processes, and between tasks of one: flock(2) on the files that Python locks too. */

import { dirname } from "node:path";
import { runtime } from "@denoise/core";
import { makeFolder } from "./files.ts";
import { pause } from "./retry.ts";

const LONGEST_WAIT = 250;

async function acquire(
  file: Deno.FsFile,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (let wait = 10;; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      if (await file.tryLock(true)) return true;
    } catch {
      // some network file systems have no locks
      return false;
    }
    await pause(wait, signal);
  }
}

/**
 * Runs a task while holding a lock.
 *
 * @param task Is given whether the lock could be had: some network file systems have none. Nothing
 * that the cache shows depends on it, since files become visible whole; it saves double downloads. Node.js
 * and Bun have no flock(2), so that there it never could.
 */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  task: (locked: boolean) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  if (runtime !== "deno") return await task(false);
  await makeFolder(dirname(path));
  // group-writable, as Python makes them, so that users who share a cache wait for each other
  using file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o664 });
  const locked = await acquire(file, signal);
  try {
    return await task(locked);
  } finally {
    if (locked) await file.unlock();
  }
}
