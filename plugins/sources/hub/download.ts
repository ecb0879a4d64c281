/** One file from a remote into the cache: resumed, checked, then made visible. */

import { open, rename, writeFile } from "node:fs/promises";
import type { Hash } from "node:crypto";
import { writeAll } from "@denoise/safetensors";
import { chunksOf } from "./body.ts";
import { makeFolder, removeIfThere, sizeOf, uniqueSuffix } from "./files.ts";
import { type Expected, expectedOf, hashFile, startHash } from "./hash.ts";
import type { RepoLayout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { blobName, type Remote, type RepoFile, type ResolvedRepo } from "./remote.ts";
import { RemoteError } from "./remote_error.ts";
import { backoff, pause, type RetryPolicy } from "./retry.ts";
import { isVisible, showFile } from "./snapshot.ts";

/** How a file is fetched. */
export interface DownloadOptions {
  /** How often and how soon a broken connection is taken up again. */
  readonly retry: RetryPolicy;
  /** How long the next bytes may take, in milliseconds. */
  readonly stall: number;
  /** Fetch it though it is there. */
  readonly force?: boolean | undefined;
  /** Called with how many bytes of the file are here, and how many of them just came. */
  readonly onBytes?: ((bytes: number, moved: number) => void) | undefined;
  /** Cancels the download; what has come stays for the next time. */
  readonly signal?: AbortSignal | undefined;
}

interface Job {
  readonly remote: Remote;
  readonly repo: ResolvedRepo;
  readonly file: RepoFile;
  readonly path: string;
  readonly options: DownloadOptions;
}

/** A part of a file on disk, and the hash of what is there. */
interface Part {
  bytes: number;
  hash: Hash | undefined;
}

function freshPart(file: RepoFile, expected: Expected | undefined): Part {
  return {
    bytes: 0,
    hash: expected === undefined ? undefined : startHash(expected.algorithm, file.size),
  };
}

/** Takes up what an earlier download left. */
async function leftPart(job: Job, expected: Expected | undefined): Promise<Part> {
  const part = freshPart(job.file, expected);
  const bytes = await sizeOf(job.path) ?? 0;
  if (bytes === 0 || bytes > job.file.size) return part;
  if (part.hash !== undefined) await hashFile(part.hash, job.path, bytes);
  part.bytes = bytes;
  return part;
}

function rangeOf(response: Response): { start: number; total: number } | undefined {
  const match = response.headers.get("content-range")?.match(/^bytes (\d+)-\d+\/(\d+)$/);
  return match === undefined || match === null
    ? undefined
    : { start: Number(match[1]), total: Number(match[2]) };
}

function wrongLength(job: Job, found: number | string): RemoteError {
  return new RemoteError(
    `Refused ${job.file.path} of ${job.repo.id}: ${job.remote.name} sends ${found} bytes, but ` +
      `lists the file with ${job.file.size}`,
    200,
  );
}

/** Whether the answer continues the part; `false` when it starts over. */
function continues(job: Job, part: Part, response: Response): boolean {
  if (response.status === 206) {
    const range = rangeOf(response);
    if (range !== undefined && range.total !== job.file.size) throw wrongLength(job, range.total);
    if (range === undefined || range.start !== part.bytes) {
      throw new RemoteError(
        `Refused ${job.file.path} of ${job.repo.id}: ${job.remote.name} answered with another ` +
          "part of the file than it was asked for",
        206,
      );
    }
    return true;
  }
  const length = response.headers.get("content-length");
  const isEncoded = response.headers.has("content-encoding");
  if (length !== null && !isEncoded && Number(length) !== job.file.size) {
    throw wrongLength(job, length);
  }
  return false;
}

/** Reads on until the file is whole; gives the error when the connection breaks before. */
async function readOn(
  job: Job,
  part: Part,
  expected: Expected | undefined,
): Promise<RemoteError | undefined> {
  const { file, repo, options } = job;
  const { signal, stall } = options;
  const response = await job.remote.open(repo, file, { start: part.bytes, signal });
  const doing = `fetching ${file.path} of ${repo.id}`;
  try {
    // 416: the server has no such part, so it starts over
    if (response.status === 416 || !continues(job, part, response)) {
      Object.assign(part, freshPart(file, expected));
      options.onBytes?.(0, 0);
      if (response.status === 416) return new RemoteError(`Failed ${doing}: no such part`, 416);
    }
    await append(job, part, chunksOf(response, { doing, stall, signal }));
  } catch (error) {
    if (error instanceof RemoteError && error.status === undefined) return error;
    throw error;
  } finally {
    await response.body?.cancel().catch(() => {});
  }
  return part.bytes === file.size ? undefined : new RemoteError(
    `The connection broke while ${doing}: ${part.bytes} of ${file.size} bytes came`,
  );
}

async function append(job: Job, part: Part, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await using disk = await open(job.path, "a");
  await disk.truncate(part.bytes);
  for await (const chunk of chunks) {
    if (part.bytes + chunk.length > job.file.size) throw wrongLength(job, "more");
    await writeAll(disk, chunk);
    part.hash?.update(chunk);
    part.bytes += chunk.length;
    job.options.onBytes?.(part.bytes, chunk.length);
  }
}

/** Fetches all bytes, taking up broken connections while there is progress. */
async function fill(job: Job, part: Part, expected: Expected | undefined): Promise<void> {
  const { retry, signal, onBytes } = job.options;
  onBytes?.(part.bytes, 0);
  if (job.file.size === 0) await writeFile(job.path, new Uint8Array());
  for (let failures = 0; part.bytes < job.file.size;) {
    const before = part.bytes;
    const broken = await readOn(job, part, expected);
    if (broken === undefined) return;
    failures = part.bytes > before ? 1 : failures + 1;
    if (failures > retry.retries) throw broken;
    await pause(backoff(failures - 1, retry), signal);
  }
}

async function fetchChecked(job: Job): Promise<void> {
  const expected = expectedOf(job.file);
  let part = await leftPart(job, expected);
  // what an earlier run left may be broken, and so may one transfer: the second try starts clean
  for (let attempt = 0;; attempt++) {
    await fill(job, part, expected);
    const digest = part.hash?.digest("hex");
    if (digest === expected?.digest) return;
    await removeIfThere(job.path);
    if (attempt > 0) {
      throw new RemoteError(
        `Refused ${job.file.path} of ${job.repo.id}: its ${expected!.algorithm} hash is ` +
          `${digest}, but should be ${expected!.digest}, twice in a row. It was thrown away: ` +
          `${job.remote.name}, or something on the way to it, changes bytes`,
        200,
      );
    }
    part = freshPart(job.file, expected);
  }
}

/**
 * Brings a file into the cache and shows it in its commit; does nothing where it is shown already.
 *
 * @throws {RemoteError} when it cannot be had, or is not what the repo's listing says.
 */
export async function downloadFile(
  remote: Remote,
  repo: ResolvedRepo,
  file: RepoFile,
  layout: RepoLayout,
  options: DownloadOptions,
): Promise<void> {
  const name = blobName(file);
  const blob = layout.blob(name);
  await makeFolder(layout.blobs);
  await withLock(layout.lock(name), options.signal, async (locked) => {
    if (!options.force && await isVisible(layout, repo.commit, file)) return;
    const before = await sizeOf(blob);
    const fetches = options.force || before !== file.size;
    if (fetches) {
      const path = layout.partial(locked ? name : `${name}.${uniqueSuffix()}`);
      await fetchChecked({ remote, repo, file, path, options });
      await rename(path, blob);
    }
    await showFile(layout, repo.commit, file, before === undefined && fetches);
  });
}
