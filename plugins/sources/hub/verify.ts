import { readlink } from "node:fs/promises";
import type { SourceOptions } from "@denoise/core";
import { basename } from "node:path";
import { hubRemote } from "./api.ts";
import { filesBelow, sizeOf } from "./files.ts";
import { currentId } from "./hub.ts";
import type { RepoLayout } from "./layout.ts";
import type { Remote, RepoFile } from "./remote.ts";
import { RemoteError } from "./remote_error.ts";
import { openRepo, type PinnedRepo } from "./repo.ts";
import { apiSettings, type FetchPlanSettings, fetchSettings, type HubOptions } from "./settings.ts";

/** What is wrong with a file in the cache. */
export interface BrokenFile {
  /** The file's name in the repo. */
  readonly file: string;
  /** Its content is gone, has another size, or hashes to something else. */
  readonly problem: "missing" | "size" | "content";
  /** Whether it was fetched again. */
  readonly mended: boolean;
}

/** The state of a repo in the cache. */
export interface VerifyReport {
  /** The repo. */
  readonly id: string;
  /** The commit that was checked. */
  readonly commit: string;
  /** Files that were hashed. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
  /** What is wrong; empty when nothing is. */
  readonly broken: readonly BrokenFile[];
}

/** How a repo is verified. */
export interface VerifyOptions
  extends HubOptions, Pick<SourceOptions, "revision" | "localFilesOnly" | "signal" | "onWarning"> {
  /** Fetch broken files again. Defaults to `true`; never with `localFilesOnly`. */
  readonly mend?: boolean | undefined;
}

/** What a file must be by the name of its blob, for commits of which no listing is at hand. */
async function byBlobName(layout: RepoLayout, commit: string, path: string): Promise<RepoFile> {
  const pointer = layout.pointer(commit, path);
  const target = await readlink(pointer).catch(() => "");
  const size = await sizeOf(pointer) ?? 0;
  return { path, size, blobId: basename(target) };
}

async function problemOf(
  repo: PinnedRepo,
  file: RepoFile,
): Promise<BrokenFile["problem"] | undefined> {
  const path = repo.layout.pointer(repo.resolved.commit, file.path);
  const size = await sizeOf(path);
  if (size === undefined) return "missing";
  if (size !== file.size) return "size";
  const { isIntact } = await import("./hash.ts");
  return await isIntact(path, file) ? undefined : "content";
}

async function mend(
  remote: Remote,
  repo: PinnedRepo,
  file: RepoFile,
  { retry, stall, warn }: FetchPlanSettings,
  { signal }: VerifyOptions,
): Promise<boolean> {
  const { downloadFile } = await import("./download.ts");
  try {
    const options = { retry, stall, force: true, signal };
    await downloadFile(remote, repo.resolved, file, repo.layout, options);
    return true;
  } catch (error) {
    if (!(error instanceof RemoteError)) {
      const { explainFull } = await import("./disk.ts");
      throw explainFull(error, repo.layout.cache, repo.id);
    }
    warn(`Could not mend ${file.path}: ${error.message}`);
    return false;
  }
}

/**
 * Hashes every file that the cache shows of a repo again, names those that are broken, and fetches
 * them again.
 *
 * @throws {DenoiseError} `missing_file` when the repo is not in the cache, `disk_full` when there is no room to
 * fetch a broken file again.
 */
export async function verify(id: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const current = await currentId(id, options, options);
  const settings = fetchSettings(options, options);
  const remote = hubRemote(await apiSettings(options, options));
  const cacheOnly = { ...settings, offline: true };
  const revision = options.revision ?? "main";
  const cached = await openRepo(remote, current, revision, cacheOnly, options.signal);
  // a cache of an older huggingface_hub has no listing: the Hub knows it
  const repo = cached.isComplete || settings.offline
    ? cached
    : await openRepo(remote, current, cached.resolved.commit, settings, options.signal);
  const { layout, resolved: { commit } } = repo;
  const known = new Map(repo.isComplete ? repo.files.map((file) => [file.path, file]) : []);
  const names = await filesBelow(layout.snapshot(commit));
  const mends = options.mend !== false && !settings.offline && repo.isComplete;
  const broken: BrokenFile[] = [];
  let bytes = 0;
  for (const name of names) {
    const file = known.get(name) ?? await byBlobName(layout, commit, name);
    bytes += file.size;
    const problem = await problemOf(repo, file);
    if (problem === undefined) continue;
    const mended = mends && known.has(name) && await mend(remote, repo, file, settings, options);
    broken.push({ file: name, problem, mended });
  }
  return { id: current, commit, files: names.length, bytes, broken };
}
