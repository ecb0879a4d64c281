import { fileURLToPath } from "node:url";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import {
  cacheFolder,
  type ComponentLocation,
  DenoiseError,
  isFile,
  isFolder,
  joinPath,
  type Source,
} from "@denoise/core";

/** A repo whose files lie in a package. */
export interface BundledRepo {
  /** The id it is loaded by, such as `"denoise/emoji"`. */
  readonly id: string;
  /** The folder of its files: that of the package, on disk or on the registry it came from. */
  readonly base: URL;
  /** The files of the repo, relative to the folder. */
  readonly files: readonly string[];
  /** What tells this state of the files from others; the version of the package. */
  readonly version: string;
}

async function download({ base }: BundledRepo, file: string, folder: string): Promise<void> {
  const response = await fetch(new URL(file, base));
  if (!response.ok) {
    await response.body?.cancel();
    throw new DenoiseError(
      "source_unavailable",
      `Cannot fetch ${file} of ${base}: the server answered ${response.status}`,
    );
  }
  const path = joinPath(folder, file);
  await mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await writeFile(path, await response.bytes());
}

/** Whether every file of a repo is in a folder. */
async function isComplete({ files }: BundledRepo, folder: string): Promise<boolean> {
  const found = await Promise.all(files.map((file) => isFile(joinPath(folder, file))));
  return found.every((there) => there);
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOSPC";

function full(folder: string, cause: unknown): DenoiseError {
  const message =
    `Cannot write to ${folder}: the disk is full; make room, or choose another with DENOISE_CACHE`;
  return new DenoiseError("disk_full", message, { cause });
}

/** Downloads a package's files once; the folder appears when all of them are there. */
async function materialize(repo: BundledRepo): Promise<string> {
  const folder = joinPath(cacheFolder(), repo.id, repo.version);
  if (await isFolder(folder)) {
    if (await isComplete(repo, folder)) return folder;
    await rm(folder, { recursive: true });
  }
  const parent = joinPath(cacheFolder(), repo.id);
  await mkdir(parent, { recursive: true });
  const partial = await mkdtemp(joinPath(parent, ".partial-"));
  try {
    await Promise.all(repo.files.map((file) => download(repo, file, partial)));
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true });
    if (!await isFolder(folder)) throw isFull(error) ? full(parent, error) : error;
  }
  return folder;
}

/**
 * A source for one repo that ships inside a package: read in place when the package lies on disk,
 * downloaded once into the cache (`$DENOISE_CACHE`, else `$XDG_CACHE_HOME/denoise`) when it was imported from a registry.
 */
export function bundledSource(repo: BundledRepo): Source {
  return {
    name: "bundled",
    accepts: (id) => id === repo.id,
    async fetch(id): Promise<ComponentLocation> {
      const onDisk = repo.base.protocol === "file:";
      const path = onDisk ? fileURLToPath(repo.base) : await materialize(repo);
      return { path: path.replace(/\/$/, ""), id, commit: repo.version };
    },
  };
}
