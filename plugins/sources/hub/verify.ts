import type { SourceOptions } from "@denoise/core";
import { basename } from "node:path";
import { hubRemote } from "./api.ts";
import { downloadFile } from "./download.ts";
import { filesBelow, sizeOf } from "./files.ts";
import { isIntact } from "./hash.ts";
import { currentId } from "./hub.ts";
import type { RepoLayout } from "./layout.ts";
import type { RepoFile } from "./remote.ts";
import { openRepo, type PinnedRepo } from "./repo.ts";
import { apiSettings, fetchSettings, type HubOptions } from "./settings.ts";

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
  /** Fetch broken files again; `true` unless given, never with `localFilesOnly`. */
  readonly mend?: boolean | undefined;
}

/** What a file must be by the name of its blob, for commits of which no listing is at hand. */
async function byBlobName(layout: RepoLayout, commit: string, path: string): Promise<RepoFile> {
  const pointer = layout.pointer(commit, path);
  const target = await Deno.readLink(pointer).catch(() => "");
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
  return await isIntact(path, file) ? undefined : "content";
}

/**
 * Hashes every file that the cache shows of a repo again, names those that are broken, and fetches
 * them anew.
 *
 * @throws {DenoiseError} `missing_file` when the repo is not in the cache.
 */
export async function verify(id: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const current = await currentId(id, options, options);
  const settings = fetchSettings(options, options);
  const remote = hubRemote(await apiSettings(options, options));
  const cacheOnly = { ...settings, offline: true };
  const revision = options.revision ?? "main";
  const repo = await openRepo(remote, current, revision, cacheOnly, options.signal);
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
    const mended = mends && known.has(name);
    if (mended) {
      const { retry, stall } = settings;
      const how = { retry, stall, force: true, signal: options.signal };
      await downloadFile(remote, repo.resolved, file, layout, how);
    }
    broken.push({ file: name, problem, mended });
  }
  return { id: current, commit, files: names.length, bytes, broken };
}
