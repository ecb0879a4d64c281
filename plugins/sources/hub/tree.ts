/** `trees/<commit>.json`: what a commit consists of, so that plans can be made with no network. */

import { checkBlobName, checkFileName } from "./id.ts";
import type { RepoLayout } from "./layout.ts";
import { readText, writeAtomically } from "./files.ts";
import type { RepoFile } from "./remote.ts";

const FORMAT_VERSION = 1;

interface TreeEntry {
  readonly size: number;
  readonly blob_id: string;
  readonly lfs_sha256?: string;
  readonly lfs_size?: number;
  readonly xet_hash?: string;
}

function entryOf(file: RepoFile): TreeEntry {
  return {
    size: file.size,
    blob_id: file.blobId,
    ...(file.sha256 === undefined ? {} : { lfs_sha256: file.sha256, lfs_size: file.size }),
    ...(file.xetHash === undefined ? {} : { xet_hash: file.xetHash }),
  };
}

/** Byte for byte what Python's `json.dump(tree, indent=1)` writes. */
export function formatTree(files: readonly RepoFile[]): string {
  const lines = [...files].sort((a, b) => a.path < b.path ? -1 : 1).map((file) => {
    const entry = JSON.stringify(entryOf(file), null, 1).replaceAll("\n", "\n  ");
    return `\n  ${JSON.stringify(file.path)}: ${entry}`;
  });
  const body = lines.length === 0 ? "{}" : `{${lines.join(",")}\n }`;
  return `{\n "format_version": ${FORMAT_VERSION},\n "files": ${body}\n}`.replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function parseEntry(path: string, entry: TreeEntry, id: string): RepoFile {
  const size = entry.lfs_size ?? entry.size;
  if (!Number.isSafeInteger(size)) throw new TypeError(`the size of ${path} is no integer`);
  return {
    path: checkFileName(path, id),
    size,
    blobId: checkBlobName(entry.blob_id, path, id),
    sha256: entry.lfs_sha256 === undefined ? undefined : checkBlobName(entry.lfs_sha256, path, id),
    xetHash: entry.xet_hash,
  };
}

/**
 * Reads a listing; `undefined` when it is of another format version, or not legible.
 *
 * @param where Whose listing it is, for messages.
 */
export function parseTree(text: string, where: string): RepoFile[] | undefined {
  try {
    const { format_version, files } = JSON.parse(text);
    if (format_version !== FORMAT_VERSION) return undefined;
    return Object.entries(files as Record<string, TreeEntry>)
      .map(([path, entry]) => parseEntry(path, entry, where));
  } catch {
    return undefined;
  }
}

/** The files of a commit as the cache has them noted; `undefined` when it has not. */
export async function readTree(
  layout: RepoLayout,
  commit: string,
): Promise<RepoFile[] | undefined> {
  const text = await readText(layout.tree(commit));
  return text === undefined ? undefined : parseTree(text, layout.folder);
}

/** Notes the files of a commit. */
export async function writeTree(
  layout: RepoLayout,
  commit: string,
  files: readonly RepoFile[],
): Promise<void> {
  await writeAtomically(layout.tree(commit), formatTree(files));
}
