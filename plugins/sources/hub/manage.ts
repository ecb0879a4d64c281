/** What the cache holds, and taking things out of it. */

import { readlink, rm, stat } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import { join, relative, resolve } from "node:path";
import { cacheFolder } from "./env.ts";
import { entriesOf, filesBelow, readText, removeIfThere } from "./files.ts";
import { layoutOf, type RepoLayout } from "./layout.ts";
import { releaseShared, sharedTarget } from "./shared_blobs.ts";

/** A commit in the cache. */
export interface CachedCommit {
  /** The commit. */
  readonly commit: string;
  /** Branches and tags that were at it when they were last fetched. */
  readonly refs: readonly string[];
  /** Its files, by their names in the repo. */
  readonly files: readonly string[];
  /** Their bytes. */
  readonly bytes: number;
}

/** A repo in the cache. */
export interface CachedRepo {
  /** The repo. */
  readonly id: string;
  /** Its folder. */
  readonly path: string;
  /** Its commits. */
  readonly commits: readonly CachedCommit[];
  /** Bytes on disk, contents that commits share counted once. */
  readonly bytes: number;
  /** Bytes of downloads that were broken off. */
  readonly incompleteBytes: number;
  /** When a file of it was last changed. */
  readonly modified: Date | undefined;
}

/** Which cache is meant. */
export interface CacheOptions {
  /** Folder of the cache; HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub by default. */
  readonly cacheDir?: string | undefined;
}

/** What is to be removed. */
export interface RemoveOptions extends CacheOptions {
  /** A branch, tag or commit. Defaults to everything of the repo. */
  readonly revision?: string | undefined;
}

interface Shown {
  readonly name: string;
  /** The blob, or the file itself where there are no symlinks. */
  readonly blob: string;
  readonly size: number;
  readonly modified: Date;
}

async function shownFiles(folder: string): Promise<Shown[]> {
  const names = await filesBelow(folder);
  const shown = await Promise.all(names.map(async (name) => {
    const path = join(folder, name);
    try {
      // one hop only: a blob may itself be a link into the store that repos share
      const link = await readlink(path).catch(() => undefined);
      const { size, mtime } = await stat(path);
      return {
        name,
        blob: link === undefined ? path : resolve(join(path, ".."), link),
        size,
        modified: mtime,
      };
    } catch {
      return undefined;
    }
  }));
  return shown.filter((file) => file !== undefined);
}

async function refsOf(layout: RepoLayout): Promise<Map<string, string>> {
  const folder = join(layout.folder, "refs");
  const refs = new Map<string, string>();
  for (const name of await filesBelow(folder)) {
    refs.set(name, (await readText(join(folder, name)))?.trim() ?? "");
  }
  return refs;
}

async function commitsOf(layout: RepoLayout): Promise<Map<string, Shown[]>> {
  const commits = new Map<string, Shown[]>();
  for (const entry of await entriesOf(layout.snapshots)) {
    if (!entry.isDirectory()) continue;
    commits.set(entry.name, await shownFiles(join(layout.snapshots, entry.name)));
  }
  return commits;
}

function uniqueBytes(files: readonly Shown[]): number {
  const sizes = new Map(files.map((file) => [file.blob, file.size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

async function describe(id: string, layout: RepoLayout): Promise<CachedRepo> {
  const refs = await refsOf(layout);
  const commits = await commitsOf(layout);
  const files = [...commits.values()].flat();
  const times = files.map((file) => file.modified.getTime());
  let incompleteBytes = 0;
  for (const entry of await entriesOf(layout.blobs)) {
    if (!entry.name.endsWith(".incomplete")) continue;
    incompleteBytes += (await stat(join(layout.blobs, entry.name))).size;
  }
  return {
    id,
    path: layout.folder,
    commits: [...commits].map(([commit, shown]) => ({
      commit,
      refs: [...refs].filter(([_, at]) => at === commit).map(([name]) => name).sort(),
      files: shown.map((file) => file.name),
      bytes: uniqueBytes(shown),
    })),
    bytes: uniqueBytes(files),
    incompleteBytes,
    modified: times.length === 0 ? undefined : new Date(Math.max(...times)),
  };
}

/** The model repos in the cache, by id, whether this package or Python put them there. */
export async function listCache(options: CacheOptions = {}): Promise<CachedRepo[]> {
  const cache = cacheFolder(options.cacheDir);
  const repos: CachedRepo[] = [];
  for (const entry of await entriesOf(cache)) {
    const id = entry.name.match(/^models--(.+)$/)?.[1]?.replace("--", "/");
    if (id === undefined || !entry.isDirectory()) continue;
    repos.push(await describe(id, layoutOf(cache, id)));
  }
  return repos.sort((a, b) => a.id < b.id ? -1 : 1);
}

/**
 * Removes a repo from the cache, or one commit of it; contents that other commits show stay.
 *
 * @returns The bytes that were freed.
 * @throws {DenoiseError} `missing_file` when it is not in the cache.
 */
export async function removeFromCache(id: string, options: RemoveOptions = {}): Promise<number> {
  const cache = cacheFolder(options.cacheDir);
  const layout = layoutOf(cache, id);
  const commits = await commitsOf(layout);
  if ((await entriesOf(layout.folder)).length === 0) throw await notCached(id, cache);
  const commit = options.revision === undefined
    ? undefined
    : commits.has(options.revision)
    ? options.revision
    : (await refsOf(layout)).get(options.revision);
  if (options.revision !== undefined && (commit === undefined || !commits.has(commit))) {
    throw new DenoiseError(
      "missing_file",
      `Cannot remove revision ${JSON.stringify(options.revision)} of ${id}: the cache has ` +
        `${[...commits.keys()].join(", ") || "none"}`,
    );
  }
  const all = [...commits].flatMap(([at, files]) => files.map((file) => ({ at, ...file })));
  const isLast = commit === undefined || commits.size === 1;
  const kept = new Set(all.filter((file) => !isLast && file.at !== commit).map(({ blob }) => blob));
  const gone = all.filter((file) => (isLast || file.at === commit) && !kept.has(file.blob));
  const shared = (await Promise.all(gone.map(({ blob }) => sharedTarget(cache, blob))))
    .filter((target) => target !== undefined);
  if (isLast) await rm(layout.folder, { recursive: true });
  else await removeCommit(layout, commit, gone.map(({ blob }) => blob));
  const leaked = await releaseShared(cache, shared);
  return uniqueBytes(gone) - leaked;
}

/** Names go first, contents last, so that no name is ever left without its content. */
async function removeCommit(
  layout: RepoLayout,
  commit: string,
  blobs: readonly string[],
): Promise<void> {
  for (const [name, at] of await refsOf(layout)) {
    if (at === commit) await removeIfThere(layout.ref(name));
  }
  await rm(layout.snapshot(commit), { recursive: true });
  await removeIfThere(layout.tree(commit));
  await rm(join(layout.folder, ".no_exist", commit), { recursive: true }).catch(() => {});
  for (const blob of new Set(blobs)) {
    const isOurs = !relative(layout.blobs, blob).startsWith("..");
    if (isOurs) await removeIfThere(blob);
  }
}

async function notCached(id: string, cache: string): Promise<DenoiseError> {
  const ids = (await listCache({ cacheDir: cache })).map((repo) => repo.id);
  return new DenoiseError(
    "missing_file",
    `Cannot remove ${id}: it is not in the cache ${cache}, which has ${
      ids.join(", ") || "nothing"
    }`,
  );
}
