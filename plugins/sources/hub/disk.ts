/** Whether a download will fit. */

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DenoiseError } from "@denoise/core";

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return Number(bavail) * Number(bsize);
  } catch (error) {
    const parent = dirname(path);
    if ((error as { code?: string }).code !== "ENOENT" || parent === path) return undefined;
    return freeBytes(parent);
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/**
 * Checks that the disk of a folder has room. Where the system does not tell, nothing is checked.
 *
 * @throws {DenoiseError} `disk_full` when it has not.
 */
export async function checkRoom(folder: string, bytes: number, id: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free === undefined || bytes <= free) return;
  throw new DenoiseError(
    "disk_full",
    `Cannot fetch ${id}: ${gigabytes(bytes)} are to be downloaded, but the disk of ${folder} ` +
      `has ${gigabytes(free)} free; make room, or choose another disk with { cacheDir } or HF_HOME`,
  );
}

/** An error of fetching: `disk_full` where a write found no room or quota, any other as it is. */
export function explainFull(error: unknown, folder: string, id: string): unknown {
  const code = (error as { code?: string } | null)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new DenoiseError(
    "disk_full",
    `Cannot fetch ${id}: the disk of ${folder} has become full; what came is kept, so make room and ` +
      "ask again, or choose another disk with { cacheDir } or HF_HOME",
    { cause: error },
  );
}
