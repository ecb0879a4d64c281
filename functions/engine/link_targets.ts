import { dirname } from "node:path";
import { joinPath } from "@denoise/core";

/**
 * The folders in which files of these folders lie in truth: the Hub's cache has links to blobs beside its
 * snapshots, and a process that may read the links alone can open none of them.
 */
export async function linkTargets(folders: readonly string[]): Promise<string[]> {
  const targets = new Set<string>();
  const inside = [...folders];
  for (const folder of inside) {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
      const path = joinPath(folder, name);
      if (isDirectory) inside.push(path);
      if (!isSymlink) continue;
      const target = await Deno.realPath(path).catch(() => undefined); // it leads nowhere, or to what is not ours
      if (target !== undefined) targets.add(dirname(target));
    }
  }
  return [...targets];
}
