/** The hashes by which the Hub knows contents. */

import { open, stat } from "node:fs/promises";
import { createHash, type Hash } from "node:crypto";
import type { RepoFile } from "./remote.ts";

/** What the content of a file has to hash to. */
export interface Expected {
  /** `git` is the sha1 of `"blob <size>\0"` and the content. */
  readonly algorithm: "sha256" | "git" | "md5";
  /** The hash in hexadecimal. */
  readonly digest: string;
}

/** How the content of a file can be checked; `undefined` when only its size is known. */
export function expectedOf(file: RepoFile): Expected | undefined {
  const digest = file.sha256 ?? file.blobId;
  if (/^[0-9a-f]{64}$/.test(digest)) return { algorithm: "sha256", digest };
  if (/^[0-9a-f]{40}$/.test(digest)) return { algorithm: "git", digest };
  if (/^[0-9a-f]{32}$/.test(digest)) return { algorithm: "md5", digest };
  return undefined;
}

/** Starts the hash of a content of that size. */
export function startHash(algorithm: Expected["algorithm"], size: number): Hash {
  if (algorithm !== "git") return createHash(algorithm);
  return createHash("sha1").update(`blob ${size}\0`);
}

/** Adds the first bytes of a file to a hash. */
export async function hashFile(hash: Hash, path: string, length = Infinity): Promise<void> {
  await using file = await open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let left = length; left > 0;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(left, buffer.length));
    if (bytesRead === 0) return;
    hash.update(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
}

/** Whether a file on disk has the content that it should have. */
export async function isIntact(path: string, file: RepoFile): Promise<boolean> {
  const { size } = await stat(path);
  if (size !== file.size) return false;
  const expected = expectedOf(file);
  if (expected === undefined) return true;
  const hash = startHash(expected.algorithm, file.size);
  await hashFile(hash, path);
  return hash.digest("hex") === expected.digest;
}
