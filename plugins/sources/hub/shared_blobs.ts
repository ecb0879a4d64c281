/**
 * Contents that several repos of a cache share: huggingface_hub 2.x keeps files that it got by Xet
 * once, in `<cache>/blobs/<2 digits>/<hash>`, and makes a repo's blob a symlink to them. Reading
 * needs nothing special; removing has to give up the reference that `<hash>.refs` notes.
 */

import { readlink, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { readText, removeIfThere } from "./files.ts";
import { withLock } from "./lock.ts";

/** The shared content behind a repo's blob, or `undefined` when the blob is a file of its own. */
export async function sharedTarget(cache: string, blob: string): Promise<string | undefined> {
  const link = await readlink(blob).catch(() => undefined);
  if (link === undefined) return undefined;
  const target = resolve(dirname(blob), link);
  const name = relative(join(cache, "blobs"), target);
  return /^([0-9a-f]{2})[/\\]\1[0-9a-f]{62}$/.test(name) ? target : undefined;
}

/** Removes shared contents that no blob refers to any more; gives the bytes of those that stay. */
export async function releaseShared(cache: string, targets: readonly string[]): Promise<number> {
  let kept = 0;
  for (const target of new Set(targets)) {
    kept += await withLock(`${target}.lock`, undefined, async () => {
      const { size } = await stat(target);
      const references = await readText(`${target}.refs`);
      // without its list of references nobody knows who else uses it
      if (references === undefined || await isUsed(cache, target, references)) return size;
      await removeIfThere(target);
      await removeIfThere(`${target}.refs`);
      return 0;
    });
  }
  return kept;
}

async function isUsed(cache: string, target: string, references: string): Promise<boolean> {
  for (const line of references.split("\n").filter((line) => line !== "")) {
    if (await sharedTarget(cache, join(cache, line)) === target) return true;
  }
  return false;
}
