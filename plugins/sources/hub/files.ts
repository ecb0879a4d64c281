/** Small file operations of the cache. */

import { dirname } from "node:path";

/** A random suffix for names that no one else uses. */
export function uniqueSuffix(): string {
  return crypto.randomUUID().slice(0, 8);
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** The size of a file, symlinks followed; `undefined` when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stat = await Deno.stat(path);
    return stat.isFile ? stat.size : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The text of a file; `undefined` when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Makes a folder and those above it. */
export async function makeFolder(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
}

/** Writes a file so that others see its old or its new content, never a part. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${uniqueSuffix()}.tmp`;
  try {
    await Deno.writeTextFile(temporary, text);
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw error;
  }
}

/** Removes a file, or does nothing when it is not there. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** The entries of a folder; none when it is not there. */
export async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The files below a folder, by their names relative to it, parts joined by `/`. */
export async function filesBelow(path: string, prefix = ""): Promise<string[]> {
  const found = await Promise.all((await entriesOf(path)).map((entry) => {
    const name = prefix + entry.name;
    return entry.isDirectory ? filesBelow(`${path}/${entry.name}`, `${name}/`) : [name];
  }));
  return found.flat().sort();
}
