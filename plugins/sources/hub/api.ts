/** The Hub's API: the commit of a revision, the files of a commit, the bytes of a file. */

import { DenoiseError } from "@denoise/core";
import { readBody } from "./body.ts";
import { get, type HttpRequest, type HttpSettings, mayCarryToken } from "./http.ts";
import { checkBlobName, checkFileName, isCommit } from "./id.ts";
import type { OpenOptions, Remote, RepoFile, ResolvedRepo } from "./remote.ts";
import { RemoteError } from "./remote_error.ts";

/** Where a Hub is and how it is asked. */
export interface HubApiSettings extends HttpSettings {
  /** Base address without a slash at its end. */
  readonly endpoint: string;
}

/** Repos of models have some hundred files; data sets with more are not meant to be loaded here. */
export const MAX_FILES = 20_000;
const MAX_ANSWER = 32_000_000;
const MAX_PAGES = 1_000;

/** A `fetch` for @huggingface/hub that keeps our rules: bounded answers, redirects, token, time. */
function guardedFetch(doing: string, settings: HttpSettings, signal?: AbortSignal): typeof fetch {
  return async (input) => {
    const request: HttpRequest = { doing, signal, headers: { accept: "application/json" } };
    const response = await get(input instanceof Request ? input.url : input, request, settings);
    const bytes = await readBody(response, MAX_ANSWER, { doing, stall: settings.stall, signal });
    return new Response(bytes, { status: response.status, headers: response.headers });
  };
}

/** What a user can do about a status of the Hub. */
function hintFor(
  status: number | undefined,
  id: string,
  revision: string,
  settings: HubApiSettings,
): string | undefined {
  const { endpoint, token } = settings;
  switch (status) {
    case 401:
      if (token === undefined) {
        return "there is no such repo, or it is private: give { token } or set HF_TOKEN";
      }
      return mayCarryToken(new URL(endpoint), settings)
        ? "the access token is not valid, or does not see that repo: set HF_TOKEN to one of " +
          `${endpoint}/settings/tokens, or log in again; a public repo needs none`
        : `the access token is not sent to ${endpoint} in clear text; use https`;
    case 403:
      return `it is gated: open ${endpoint}/${id} once, accept its terms, and give the token ` +
        "of that account as { token } or HF_TOKEN";
    case 404:
      return `there is no such repo, or it has no revision ${JSON.stringify(revision)}`;
    default:
      return undefined;
  }
}

function explain(error: unknown, id: string, revision: string, settings: HubApiSettings): unknown {
  if (error instanceof SyntaxError || error instanceof TypeError) {
    return new RemoteError(
      `Cannot load ${id}: ${settings.endpoint} does not answer as a Hub does (${error.message}); ` +
        "check HF_ENDPOINT",
      200,
    );
  }
  if (!(error instanceof RemoteError)) return error;
  const hint = hintFor(error.status, id, revision, settings);
  if (hint === undefined) return error;
  return new RemoteError(`Cannot load ${id}: ${hint}. ${error.message}`, error.status);
}

function checkEntry(entry: unknown, id: string): RepoFile {
  const { path, size, oid, lfs, xetHash } = entry as Record<string, unknown>;
  const name = checkFileName(path as string, id);
  const pointer = lfs as { oid?: unknown; size?: unknown } | undefined;
  const bytes = pointer?.size ?? size;
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
    throw new RemoteError(
      `Refused to load ${id}: the size of ${name} is ${JSON.stringify(bytes)}`,
      200,
    );
  }
  return {
    path: name,
    size: bytes as number,
    blobId: checkBlobName(oid, name, id),
    sha256: pointer === undefined ? undefined : checkBlobName(pointer.oid, name, id),
    xetHash: typeof xetHash === "string" && /^[0-9a-f]{64}$/.test(xetHash) ? xetHash : undefined,
  };
}

/** Refuses a listing in which a name stands twice, or for a file and a folder at once. */
function checkNames(files: readonly RepoFile[], id: string): void {
  const names = new Set<string>();
  const folders = new Set<string>();
  for (const { path } of files) {
    if (names.has(path)) throw clash(path, id);
    names.add(path);
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      folders.add(path.slice(0, at));
    }
  }
  const both = [...folders].find((folder) => names.has(folder));
  if (both !== undefined) throw clash(both, id);
}

function clash(name: string, id: string): DenoiseError {
  return new DenoiseError(
    "source_unavailable",
    `Refused to load ${id}: it lists ${JSON.stringify(name)} twice, which no folder can hold`,
  );
}

async function resolveRevision(
  id: string,
  revision: string,
  settings: HubApiSettings,
  signal: AbortSignal | undefined,
): Promise<ResolvedRepo> {
  const { modelInfo } = await import("@huggingface/hub");
  const doing = `looking up revision ${revision} of ${id}`;
  const found = await modelInfo({
    name: id,
    revision,
    additionalFields: ["sha"],
    hubUrl: settings.endpoint,
    fetch: guardedFetch(doing, settings, signal),
  });
  if (typeof found?.sha !== "string" || !isCommit(found.sha)) {
    throw new TypeError("it names no commit");
  }
  return { id: typeof found.name === "string" ? found.name : id, commit: found.sha };
}

async function listCommit(
  repo: ResolvedRepo,
  settings: HubApiSettings,
  signal: AbortSignal | undefined,
): Promise<RepoFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const guarded = guardedFetch(`listing the files of ${repo.id}`, settings, signal);
  let pages = 0;
  const counted: typeof fetch = (input) => {
    if (++pages > MAX_PAGES) throw tooMany(repo.id);
    return guarded(input);
  };
  const files: RepoFile[] = [];
  const entries = listFiles({
    repo: { type: "model", name: repo.id },
    revision: repo.commit,
    recursive: true,
    hubUrl: settings.endpoint,
    fetch: counted,
  });
  for await (const entry of entries) {
    if (typeof entry?.type !== "string") throw new TypeError("it lists what is no file or folder");
    if (entry.type !== "file") continue;
    if (files.length === MAX_FILES) throw tooMany(repo.id);
    files.push(checkEntry(entry, repo.id));
  }
  checkNames(files, repo.id);
  return files;
}

function tooMany(id: string): RemoteError {
  return new RemoteError(
    `Refused to load ${id}: it has more than ${MAX_FILES} files, so it is no repo of a model`,
    200,
  );
}

function rangeOf({ start = 0, end }: OpenOptions): Record<string, string> {
  if (start === 0 && end === undefined) return {};
  return { range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
}

/** A Hub as a place of repos. */
export function hubRemote(settings: HubApiSettings): Remote {
  const at = (id: string, path: string, commit: string) =>
    `${settings.endpoint}/${id}/resolve/${commit}/` +
    path.split("/").map(encodeURIComponent).join("/");
  return {
    name: `the Hub at ${settings.endpoint}`,
    async resolve(id, revision, { once, signal } = {}) {
      const retry = once ? { ...settings.retry, retries: 0 } : settings.retry;
      try {
        return await resolveRevision(id, revision, { ...settings, retry }, signal);
      } catch (error) {
        throw explain(error, id, revision, settings);
      }
    },
    async list(repo, signal) {
      try {
        return await listCommit(repo, settings, signal);
      } catch (error) {
        throw explain(error, repo.id, repo.commit, settings);
      }
    },
    async open(repo, file, options = {}) {
      const request: HttpRequest = {
        doing: `fetching ${file.path} of ${repo.id}`,
        // a compressed answer has neither the size nor the ranges of the file
        headers: { "accept-encoding": "identity", ...rangeOf(options) },
        accept: [416],
        signal: options.signal,
      };
      try {
        return await get(at(repo.id, file.path, repo.commit), request, settings);
      } catch (error) {
        throw explain(error, repo.id, repo.commit, settings);
      }
    },
  };
}
