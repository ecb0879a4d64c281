/** A commit of a repo with its files, found on the network or, when there is none, in the cache. */

import { DenoiseError } from "@denoise/core";
import { checkRevision, isCommit } from "./id.ts";
import { filesBelow, readText, sizeOf, writeAtomically } from "./files.ts";
import { layoutOf, type RepoLayout } from "./layout.ts";
import { RemoteError } from "./remote_error.ts";
import type { Remote, RepoFile, ResolvedRepo } from "./remote.ts";
import type { FetchPlanSettings } from "./settings.ts";
import { isReadOnly, readRef } from "./snapshot.ts";
import { readTree, writeTree } from "./tree.ts";

/** A repo at one commit, as this load sees it from its first to its last file. */
export interface PinnedRepo {
  /** The id that was asked for, which names its folder in the cache. */
  readonly id: string;
  /** Branch, tag or commit that was asked for. */
  readonly revision: string;
  /** The id after renames, and the commit. */
  readonly resolved: ResolvedRepo;
  /** Its places in the cache. */
  readonly layout: RepoLayout;
  /** Whether nothing may be, or can be, fetched. */
  readonly offline: boolean;
  /** Why it cannot be, for messages. */
  readonly reason: string;
  /** All files of the commit. */
  readonly files: readonly RepoFile[];
  /** Whether `files` is what the commit has; without a note of it, it is what the cache has. */
  readonly isComplete: boolean;
}

interface Pin {
  readonly resolved: ResolvedRepo;
  readonly offline: boolean;
  readonly reason: string;
}

const FORBIDDEN = "the network is not used (localFilesOnly or HF_HUB_OFFLINE)";

async function fromCache(layout: RepoLayout, id: string, revision: string): Promise<string> {
  const commit = isCommit(revision) ? revision : await readRef(layout, revision);
  if (commit !== undefined) return commit;
  throw new DenoiseError(
    "missing_file",
    `Cannot load ${id}: revision ${JSON.stringify(revision)} is not in the cache ` +
      `(${layout.folder}); "denoise prefetch ${id}" fetches it where there is a network`,
  );
}

async function pin(
  remote: Remote,
  id: string,
  revision: string,
  layout: RepoLayout,
  settings: FetchPlanSettings,
  signal: AbortSignal | undefined,
): Promise<Pin> {
  if (settings.offline) {
    const commit = await fromCache(layout, id, revision);
    return { resolved: { id, commit }, offline: true, reason: FORBIDDEN };
  }
  if (isCommit(revision)) {
    return { resolved: { id, commit: revision }, offline: false, reason: "" };
  }
  const cached = await readRef(layout, revision);
  try {
    const resolved = await remote.resolve(id, revision, { once: cached !== undefined, signal });
    return { resolved, offline: false, reason: "" };
  } catch (error) {
    if (!(error instanceof RemoteError) || cached === undefined) throw error;
    warnOfCache(error, remote, settings);
    return { resolved: { id, commit: cached }, offline: true, reason: error.message };
  }
}

function warnOfCache(error: RemoteError, remote: Remote, settings: FetchPlanSettings): void {
  settings.warn(
    `Couldn't connect to ${remote.name}: ${error.message}.\nWill try to load from local cache.`,
  );
}

/** What the snapshot folder holds, for caches that older versions of huggingface_hub filled. */
async function listSnapshot(layout: RepoLayout, commit: string): Promise<RepoFile[]> {
  const names = await filesBelow(layout.snapshot(commit));
  const files = await Promise.all(names.map(async (path) => {
    const size = await sizeOf(layout.pointer(commit, path));
    return size === undefined ? undefined : { path, size, blobId: "" };
  }));
  return files.filter((file) => file !== undefined);
}

/** Finds a repo and pins one commit of it. */
export async function openRepo(
  remote: Remote,
  id: string,
  revision: string,
  settings: FetchPlanSettings,
  signal: AbortSignal | undefined,
): Promise<PinnedRepo> {
  const layout = layoutOf(settings.cache, id);
  const pinned = await pin(remote, id, checkRevision(revision), layout, settings, signal);
  const { commit } = pinned.resolved;
  const known = await readTree(layout, commit);
  const base = { id, revision, layout, ...pinned };
  if (known !== undefined) return { ...base, files: known, isComplete: true };
  if (pinned.offline) {
    return { ...base, files: await listSnapshot(layout, commit), isComplete: false };
  }
  try {
    return { ...base, files: await remote.list(pinned.resolved, signal), isComplete: true };
  } catch (error) {
    const cached = await listSnapshot(layout, commit);
    if (!(error instanceof RemoteError) || !error.isUnreachable || cached.length === 0) throw error;
    warnOfCache(error, remote, settings);
    return { ...base, offline: true, reason: error.message, files: cached, isComplete: false };
  }
}

/** Notes in the cache what the commit consists of, and which commit its revision is. */
export async function noteRepo(repo: PinnedRepo): Promise<void> {
  if (repo.offline) return;
  const { commit } = repo.resolved;
  try {
    if (await sizeOf(repo.layout.tree(commit)) === undefined) {
      await writeTree(repo.layout, commit, repo.files);
    }
    if (repo.revision !== commit && await readRef(repo.layout, repo.revision) !== commit) {
      await writeAtomically(repo.layout.ref(repo.revision), commit);
    }
  } catch (error) {
    if (!isReadOnly(error)) throw error;
  }
}

/** The text of a small file of a repo that is in the cache. */
export async function readCached(repo: PinnedRepo, file: string): Promise<string | undefined> {
  return await readText(repo.layout.pointer(repo.resolved.commit, file));
}
