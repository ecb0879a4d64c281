/** Where things lie in the cache that Python's huggingface_hub and this package share. */

import { join } from "node:path";
import { checkFileName, checkRepoId, checkRevision } from "./id.ts";

/** The places of one repo in the cache. */
export interface RepoLayout {
  /** The cache itself. */
  readonly cache: string;
  /** The folder of the repo, `models--owner--name`. */
  readonly folder: string;
  /** Contents by their hash. */
  readonly blobs: string;
  /** One folder for each commit. */
  readonly snapshots: string;
  /** The file that holds the commit of a branch or tag. */
  ref(revision: string): string;
  /** The folder of a commit. */
  snapshot(commit: string): string;
  /** A file of a commit: a symlink to its blob. */
  pointer(commit: string, file: string): string;
  /** The content of that hash. */
  blob(name: string): string;
  /** The content of that hash while it is on its way. */
  partial(name: string): string;
  /** What the commit consists of. */
  tree(commit: string): string;
  /** The empty file that says that a commit has no such file. */
  absent(commit: string, file: string): string;
  /** The lock of a content. */
  lock(name: string): string;
}

/** The name of a repo's folder. */
export function repoFolderName(id: string): string {
  return `models--${checkRepoId(id).replaceAll("/", "--")}`;
}

/** The places of a repo. Names are checked, so that none of them leaves the cache. */
export function layoutOf(cache: string, id: string): RepoLayout {
  const name = repoFolderName(id);
  const folder = join(cache, name);
  const inside = (base: string, file: string) => join(base, ...checkFileName(file, id).split("/"));
  return {
    cache,
    folder,
    blobs: join(folder, "blobs"),
    snapshots: join(folder, "snapshots"),
    ref: (revision) => join(folder, "refs", ...checkRevision(revision).split("/")),
    snapshot: (commit) => join(folder, "snapshots", checkFileName(commit, id)),
    pointer: (commit, file) => inside(join(folder, "snapshots", checkFileName(commit, id)), file),
    blob: (hash) => inside(join(folder, "blobs"), hash),
    partial: (hash) => inside(join(folder, "blobs"), `${hash}.incomplete`),
    tree: (commit) => join(folder, "trees", `${checkFileName(commit, id)}.json`),
    absent: (commit, file) => inside(join(folder, ".no_exist", checkFileName(commit, id)), file),
    lock: (hash) => inside(join(cache, ".locks", name), `${hash}.lock`),
  };
}
