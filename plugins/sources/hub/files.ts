/** Small file operations of the cache. */

import type { Dirent } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { isMissing } from "@denoise/core";
import { dirname } from "node:path";

/** A random suffix for names that no one else uses. */
export function uniqueSuffix(): string {
  return crypto.randomUUID().slice(0, 8);
}

/** Whether an error says that the program or its user may not do something. */
export function isDenied(error: unknown): boolean {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === "NotCapable" || code === "EACCES" || code === "EPERM";
}

/** The size of a file, symlinks followed; `undefined` when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The text of a file; `undefined` when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Makes a folder and those above it. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Writes a file so that others see its old or its new content, never a part. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${uniqueSuffix()}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw error;
  }
}

/** Removes a file, or does nothing when it is not there. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await rm(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** The entries of a folder; none when it is not there. */
export async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The files below a folder, by their names relative to it, parts joined by `/`. */
export async function filesBelow(path: string, prefix = ""): Promise<string[]> {
  const found = await Promise.all((await entriesOf(path)).map((entry) => {
    const name = prefix + entry.name;
    return entry.isDirectory() ? filesBelow(`${path}/${entry.name}`, `${name}/`) : [name];
  }));
  return found.flat().sort();
}
