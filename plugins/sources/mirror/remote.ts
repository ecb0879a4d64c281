/** A mirror as a place of repos. Two layouts are understood, see the package's README. */

import { createHash } from "node:crypto";
import {
  blobName,
  checkBlobName,
  checkFileName,
  isCommit,
  parseTree,
  readBody,
  type Remote,
  RemoteError,
  type RepoFile,
  type ResolvedRepo,
} from "@denoise/hub/remote";
import type { Store, StoredFile } from "./store.ts";

const MAX_TEXT = 32_000_000;
/** The listing of a plain folder, as `sha256sum` writes it. */
const SUMS = "SHA256SUMS";

/** The files of a plain folder and a commit that stands for their contents. */
interface PlainRepo {
  readonly commit: string;
  readonly files: RepoFile[];
}

function cacheFolder(id: string): string {
  return `models--${id.replaceAll("/", "--")}`;
}

async function readText(
  store: Store,
  key: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const doing = `reading ${key} of ${store.name}`;
  const response = await store.read(key, doing, { signal });
  if (response === undefined) return undefined;
  const options = { doing, stall: store.settings.stall, signal };
  return new TextDecoder().decode(await readBody(response, MAX_TEXT, options));
}

/** Lines of `sha256sum`: hash, two characters, name. */
function parseSums(text: string, id: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split(/\r?\n/).filter((line) => line.trim() !== "")) {
    const [_, hash, name] = line.match(/^([0-9a-f]{64}) [ *](.+)$/) ?? [];
    if (hash === undefined || name === undefined) {
      throw new RemoteError(
        `Cannot read ${SUMS} of ${id}: ${JSON.stringify(line.slice(0, 80))} is no line of ` +
          "sha256sum, such as 64 hexadecimal digits, two blanks and a file name",
        200,
      );
    }
    const path = checkFileName(name.replace(/^\.\//, ""), id);
    if (path !== SUMS) sums.set(path, hash);
  }
  return sums;
}

/** The size of a file on a server that cannot list: what a request for one byte of it tells. */
async function sizeOf(
  store: Store,
  key: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const response = await store.read(key, `measuring ${key}`, { start: 0, end: 1, signal });
  await response?.body?.cancel();
  // an empty file has no first byte: 416 with */0
  const total = response?.headers.get("content-range")?.match(/\/(\d+)$/)?.[1] ??
    response?.headers.get("content-length");
  if (total !== undefined && total !== null) return Number(total);
  throw new RemoteError(
    `Cannot load from ${store.name}: ${SUMS} lists ${key}, but ${
      response === undefined ? "it is not there" : "the server does not tell its size"
    }`,
    404,
  );
}

function commitOf(files: readonly RepoFile[]): string {
  const lines = files.map((file) => `${file.path}\0${blobName(file)}\0${file.size}\n`).sort();
  return createHash("sha1").update(lines.join("")).digest("hex");
}

function listedFiles(
  id: string,
  stored: readonly StoredFile[],
  sums: ReadonlyMap<string, string>,
): RepoFile[] {
  return stored.filter((file) => !file.key.endsWith("/")).map(({ key, size, etag }) => {
    const path = checkFileName(key.slice(id.length + 1), id);
    return { path, size, blobId: checkBlobName(etag, path, id), sha256: sums.get(path) };
  }).filter((file) => file.path !== SUMS);
}

async function openPlain(
  store: Store,
  id: string,
  signal: AbortSignal | undefined,
): Promise<PlainRepo | undefined> {
  const text = await readText(store, `${id}/${SUMS}`, signal);
  const sums = text === undefined ? undefined : parseSums(text, id);
  let files: RepoFile[];
  if (store.list !== undefined) {
    files = listedFiles(id, await store.list(`${id}/`, signal), sums ?? new Map());
  } else {
    files = await Promise.all([...sums ?? []].map(async ([path, sha256]) => {
      const size = await sizeOf(store, `${id}/${path}`, signal);
      return { path, size, blobId: sha256, sha256 };
    }));
  }
  return files.length === 0 ? undefined : { commit: commitOf(files), files };
}

function notThere(store: Store, id: string, revision: string): RemoteError {
  return new RemoteError(
    `Cannot load ${id}: the mirror ${store.name} has neither ${cacheFolder(id)}/refs/${revision} ` +
      `(a copy of the Hub cache) nor ${id}/ (a plain folder${
        store.list === undefined ? ` with its ${SUMS}` : ""
      }${revision === "main" ? "" : ', which only has the revision "main"'})`,
    404,
  );
}

/** A store as a place of repos. */
export function mirrorRemote(store: Store): Remote {
  const plain = async (id: string, revision: string, signal: AbortSignal | undefined) => {
    const found = revision === "main" || isCommit(revision)
      ? await openPlain(store, id, signal)
      : undefined;
    const isIt = found !== undefined && (revision === "main" || revision === found.commit);
    if (!isIt) throw notThere(store, id, revision);
    return found;
  };
  return {
    name: `the mirror ${store.name}`,
    async resolve(id, revision, { signal } = {}): Promise<ResolvedRepo> {
      const ref = await readText(store, `${cacheFolder(id)}/refs/${revision}`, signal);
      const commit = ref?.trim();
      if (commit === undefined) return { id, commit: (await plain(id, revision, signal)).commit };
      if (isCommit(commit)) return { id, commit };
      throw new RemoteError(
        `Cannot load ${id}: ${cacheFolder(id)}/refs/${revision} of ${store.name} holds no commit`,
        200,
      );
    },
    async list({ id, commit }, signal) {
      const tree = await readText(store, `${cacheFolder(id)}/trees/${commit}.json`, signal);
      if (tree === undefined) return (await plain(id, commit, signal)).files;
      const files = parseTree(tree, id);
      if (files !== undefined) return files;
      throw new RemoteError(
        `Cannot load ${id}: ${cacheFolder(id)}/trees/${commit}.json of ${store.name} is no ` +
          "listing that this version reads",
        200,
      );
    },
    async open({ id, commit }, file, options) {
      const doing = `fetching ${file.path} of ${id}`;
      const places = [
        `${cacheFolder(id)}/blobs/${blobName(file)}`,
        `${id}/${file.path}`,
        `${cacheFolder(id)}/snapshots/${commit}/${file.path}`,
      ];
      for (const place of places) {
        const response = await store.read(place, doing, options);
        if (response !== undefined) return response;
      }
      throw new RemoteError(
        `Cannot load ${file.path} of ${id}: the mirror ${store.name} lists it, but has none of ` +
          places.join(", "),
        404,
      );
    },
  };
}
