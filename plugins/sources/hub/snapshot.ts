/** Making files of a commit visible in the cache, as huggingface_hub does. */

import { copyFile, lstat, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { symlinksDisabled } from "./env.ts";
import {
  isDenied,
  makeFolder,
  readText,
  removeIfThere,
  sizeOf,
  uniqueSuffix,
  writeAtomically,
} from "./files.ts";
import type { RepoLayout } from "./layout.ts";
import { blobName, type RepoFile } from "./remote.ts";

const CACHEDIR_TAG = [
  "Signature: 8a477f597d28d172789f06886806bc55",
  "# This file is a cache directory tag created by huggingface_hub.",
  "# For information about cache directory tags, see:",
  "#\thttps://bford.info/cachedir/",
  "",
].join("\n");

/** Marks the cache, so that backups leave it out. */
export async function tagCache(cache: string): Promise<void> {
  await makeFolder(cache);
  try {
    await writeFile(`${cache}/CACHEDIR.TAG`, CACHEDIR_TAG, { flag: "wx" });
  } catch {
    // it is there, or the cache cannot be written: neither matters
  }
}

/** Whether a commit shows a file with the size that it should have. */
export async function isVisible(
  layout: RepoLayout,
  commit: string,
  file: RepoFile,
): Promise<boolean> {
  return await sizeOf(layout.pointer(commit, file.path)) === file.size;
}

/**
 * Shows a blob as a file of a commit: by a relative symlink, or where there are none, by the file.
 *
 * @param isNew Whether no other commit can show the blob yet, so that it may be moved.
 */
export async function showFile(
  layout: RepoLayout,
  commit: string,
  file: RepoFile,
  isNew: boolean,
): Promise<void> {
  const pointer = layout.pointer(commit, file.path);
  const blob = layout.blob(blobName(file));
  await makeFolder(dirname(pointer));
  // made aside and renamed, so that no reader finds the name missing
  const temporary = `${pointer}.${uniqueSuffix()}.tmp`;
  if (!symlinksDisabled()) {
    try {
      await symlink(relative(dirname(pointer), blob), temporary);
      return await rename(temporary, pointer);
    } catch (error) {
      await removeIfThere(temporary);
      if (!(isDenied(error) || hasNoSymlinks(error))) throw error;
    }
  }
  if (isNew && (await lstat(blob)).isFile()) return await rename(blob, pointer);
  await copyFile(blob, temporary);
  await rename(temporary, pointer);
}

/** The commit that a branch or tag was at when it was last fetched. */
export async function readRef(layout: RepoLayout, revision: string): Promise<string | undefined> {
  const commit = (await readText(layout.ref(revision)))?.trim();
  return commit !== undefined && /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
}

/** Notes that a commit has no file of that name. */
export async function writeAbsent(
  layout: RepoLayout,
  commit: string,
  file: string,
): Promise<void> {
  try {
    await writeAtomically(layout.absent(commit, file), "");
  } catch (error) {
    if (!isReadOnly(error)) throw error;
  }
}

/** Whether an error says that a folder may not be written. */
export function isReadOnly(error: unknown): boolean {
  return isDenied(error) || (error as { code?: string }).code === "EROFS";
}

/** Whether an error says that a file system, or the system, knows no symlinks. */
function hasNoSymlinks(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === "NotSupported" || ["ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(code ?? "");
}
