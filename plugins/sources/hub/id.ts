/** Names that come from users and servers: repo ids, revisions, file names. */

import { DenoiseError } from "@denoise/core";

/** What is wrong with a name that becomes a path, or `undefined`. */
function pathFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.includes("\0")) return "it has a NUL character";
  if (name.includes("\\")) return "it has a backslash";
  if (name.startsWith("/")) return "it is an absolute path";
  const parts = name.split("/");
  if (parts.includes("..")) return 'it has a ".." part';
  if (parts.some((part) => part === "" || part === ".")) return "it has an empty part";
  if (parts.some((part) => /^[A-Za-z]:/.test(part))) return "it has a drive letter";
  return undefined;
}

function idFault(id: string): string | undefined {
  const fault = pathFault(id);
  if (fault !== undefined) return fault;
  if (id.split("/").length > 2) return "it has more than one slash";
  if (id.split("/").some((part) => part.length > 96)) return "a part has more than 96 characters";
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id)) {
    return 'only letters, digits, "-", "_" and "." are allowed';
  }
  if (/(^|\/)[-.]|[-.](\/|$)/.test(id)) return 'a part starts or ends with "-" or "."';
  if (id.includes("--") || id.includes("..")) return 'it has "--" or ".."';
  if (id.endsWith(".git")) return 'it ends with ".git"';
  return undefined;
}

/** Whether that is the id of a repo on the Hub: `"owner/name"`, or a bare `"name"`. */
export function isRepoId(id: string): boolean {
  return idFault(id) === undefined;
}

/**
 * Checks a repo id by the rules of the Hub.
 *
 * @throws {TypeError} when it breaks one of them; the message says which.
 */
export function checkRepoId(id: string): string {
  if (typeof id !== "string") {
    throw new TypeError(`Cannot load a repo: its id must be a string, but is ${typeof id}`);
  }
  const fault = idFault(id);
  if (fault === undefined) return id;
  throw new TypeError(
    `Cannot load ${
      JSON.stringify(id)
    }: it is neither a folder nor a repo id "owner/name"; ${fault}`,
  );
}

/**
 * Checks the name of a branch, tag or commit.
 *
 * @throws {TypeError} when git would not take it or it would leave the cache's `refs` folder.
 */
export function checkRevision(revision: string): string {
  const fault = pathFault(revision) ??
    (revision.length > 255 ? `it has ${revision.length} characters` : undefined) ??
    (/^[\w][\w./+@=-]*$/.test(revision) ? undefined : "it has characters that git does not allow");
  if (fault === undefined) return revision;
  throw new TypeError(
    `Cannot load revision ${JSON.stringify(revision)}: ${fault}; ` +
      `give a branch, a tag or a commit such as "main"`,
  );
}

/** Whether a revision is a whole commit hash, which never moves. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * Checks a file name that a server gave before it becomes a path below the cache.
 *
 * @throws {DenoiseError} `source_unavailable` when it would leave the folder.
 */
export function checkFileName(name: string, id: string): string {
  const fault = typeof name === "string" ? pathFault(name) : `it is of type ${typeof name}`;
  if (fault === undefined) return name;
  throw new DenoiseError(
    "source_unavailable",
    `Refused to load ${id}: it lists a file named ${JSON.stringify(name)} and ${fault}. ` +
      "No file of it was fetched; the owner of the repo has to rename that file",
  );
}

/**
 * Checks a subfolder that a caller gave.
 *
 * @throws {TypeError} when it would leave the repo.
 */
export function checkSubfolder(subfolder: string): string {
  const fault = pathFault(subfolder);
  if (fault === undefined) return subfolder;
  throw new TypeError(
    `Cannot load subfolder ${JSON.stringify(subfolder)}: ${fault}; give a folder such as "unet"`,
  );
}

/**
 * Checks the hash under which a file's content is stored.
 *
 * @throws {DenoiseError} `source_unavailable` when it is no hash that can name a file.
 */
export function checkBlobName(name: unknown, file: string, id: string): string {
  if (typeof name === "string" && /^[0-9a-f]{32,64}(-\d{1,5})?$/.test(name)) return name;
  throw new DenoiseError(
    "source_unavailable",
    `Refused to load ${id}: the hash of ${file} is ${JSON.stringify(name)?.slice(0, 80)}, ` +
      "not a git or sha256 hash in hexadecimal",
  );
}
