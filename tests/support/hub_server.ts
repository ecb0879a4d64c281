/**
 * A Hub on this machine for tests: it speaks the API as Python's huggingface_hub and npm's
 * @huggingface/hub use it (model info, tree with pages, resolve with a redirect of large files to
 * another host, ETag, X-Linked-Size and X-Linked-Etag, Range, 304, 401, 403, 404), and fails on
 * demand (429, 500, slow bytes, a cut connection, wrong length, corrupted bytes).
 *
 * @example
 * ```ts ignore
 * await using hub = new HubServer();
 * hub.addRepo("me/cat", { "model_index.json": "{}", "unet/model.safetensors": bytes });
 * hub.fail("unet/model.safetensors", cutAfter(1000), 1);
 * await prefetch("me/cat", { endpoint: hub.url });
 * ```
 */

import { createHash } from "node:crypto";
import { filesBelow } from "./folder.ts";
import { turns } from "./until.ts";

/** A file as the tree API lists it. */
export interface TreeEntry {
  readonly type: "file" | "directory";
  readonly path: string;
  readonly size: number;
  readonly oid: string;
  readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number };
}

/** How a repo behaves, beside its files. */
export interface RepoOptions {
  /** Which files LFS stores; .safetensors, .bin and whatever is larger than 10 kB by default. */
  readonly lfs?: (path: string, size: number) => boolean;
  /** The token without which the repo is not found (401), or whose owner it let in (403). */
  readonly token?: string;
  /** With `token`: every one may see the repo, but only the token opens its files. */
  readonly gated?: boolean;
  /** The branch that points at these files. Defaults to `"main"`. */
  readonly branch?: string;
  /** What the tree API lists, in place of the files. */
  readonly listing?: readonly unknown[];
}

/** A request that arrived. */
export interface SeenRequest {
  /** `hub`, or `cdn`: the other host that large files lie on. */
  readonly at: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

/** Makes an answer go wrong; gets the right one. */
export type Fault = (right: Response, request: Request) => Response | Promise<Response>;

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly entry: TreeEntry;
}

interface Commit {
  readonly files: ReadonlyMap<string, Stored>;
  readonly options: RepoOptions;
}

interface Repo {
  readonly commits: Map<string, Commit>;
  readonly refs: Map<string, string>;
}

interface Rule {
  readonly part: string;
  readonly fault: Fault;
  left: number;
}

function sha(algorithm: "sha1" | "sha256", ...parts: (string | Uint8Array)[]): string {
  const hash = createHash(algorithm);
  parts.forEach((part) => hash.update(part));
  return hash.digest("hex");
}

function gitHash(bytes: string | Uint8Array): string {
  return sha("sha1", `blob ${bytes.length}\0`, bytes);
}

function isLarge(path: string, size: number): boolean {
  return /\.(safetensors|bin)$/.test(path) || size > 10_000;
}

function entryOf(path: string, bytes: Uint8Array, lfs: boolean): TreeEntry {
  const size = bytes.length;
  if (!lfs) return { type: "file", path, size, oid: gitHash(bytes) };
  const oid = sha("sha256", bytes);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;
  return {
    type: "file",
    path,
    size,
    oid: gitHash(pointer),
    lfs: { oid, size, pointerSize: pointer.length },
  };
}

/** A Hub with repos that tests fill it with. */
export class HubServer implements AsyncDisposable {
  /** The requests that arrived, in order. */
  readonly requests: SeenRequest[] = [];
  /** Entries on one page of the tree API. */
  pageSize = 1000;
  readonly #repos = new Map<string, Repo>();
  readonly #renamed = new Map<string, string>();
  readonly #rules: Rule[] = [];
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #cdn: Deno.HttpServer<Deno.NetAddr>;

  /** Starts to listen on free ports. */
  constructor() {
    const quiet = { hostname: "127.0.0.1", port: 0, onListen() {}, onError: broken };
    this.#hub = Deno.serve(quiet, (request) => this.#serve("hub", request));
    this.#cdn = Deno.serve(quiet, (request) => this.#serve("cdn", request));
  }

  /** The endpoint, for `endpoint` or HF_ENDPOINT. */
  get url(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** The other host that large files are sent to. */
  get cdnUrl(): string {
    return `http://localhost:${this.#cdn.addr.port}`;
  }

  /** Adds a commit to a repo, made if need be, and gives its hash. */
  addRepo(
    id: string,
    files: Readonly<Record<string, string | Uint8Array>>,
    options: RepoOptions = {},
  ): string {
    const repo = this.#repos.get(id) ?? { commits: new Map(), refs: new Map() };
    this.#repos.set(id, repo);
    const stored = new Map<string, Stored>();
    for (const [path, content] of Object.entries(files)) {
      const bytes = new Uint8Array(
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
      const entry = entryOf(path, bytes, (options.lfs ?? isLarge)(path, bytes.length));
      if (entry.lfs !== undefined) this.#blobs.set(entry.lfs.oid, bytes);
      stored.set(path, { bytes, entry });
    }
    const listing = JSON.stringify([...stored.values()].map(({ entry }) => entry));
    const commit = sha("sha1", id, listing, `${repo.commits.size}`);
    repo.commits.set(commit, { files: stored, options });
    repo.refs.set(options.branch ?? "main", commit);
    return commit;
  }

  /** Adds the files of a folder as a commit of a repo. */
  async addFolder(id: string, folder: string, options: RepoOptions = {}): Promise<string> {
    const names = await filesBelow(folder);
    const files = await Promise.all(
      names.map(async (name) => [name, await Deno.readFile(`${folder}/${name}`)] as const),
    );
    return this.addRepo(id, Object.fromEntries(files), options);
  }

  /** Makes an id redirect to another, as the Hub does after a rename. */
  rename(from: string, to: string): void {
    this.#renamed.set(from, to);
  }

  /** Makes the next answers for paths with that part in them go wrong; all of them by default. */
  fail(part: string, fault: Fault, times = Infinity): void {
    this.#rules.push({ part, fault, left: times });
  }

  /** Clears the faults and the requests so far. */
  reset(): void {
    this.#rules.length = 0;
    this.requests.length = 0;
  }

  async #serve(at: "hub" | "cdn", request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = decodeURIComponent(pathname) + search;
    this.requests.push({ at, method: request.method, path, headers: request.headers });
    const right = at === "hub"
      ? await this.#answer(request, decodeURIComponent(pathname))
      : this.#blob(request, pathname);
    const rule = this.#rules.find((rule) => rule.left > 0 && path.includes(rule.part));
    const response = rule === undefined ? right : await rule.fault(right, request);
    if (rule !== undefined && response !== right) rule.left--;
    return response;
  }

  async #answer(request: Request, path: string): Promise<Response> {
    const api = path.match(
      /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree|paths-info)\/(.+))?$/,
    );
    const file = path.match(/^\/([^/]+\/[^/]+)\/resolve\/((?:refs\/pr\/)?[^/]+)\/(.+)$/);
    const id = api?.[1] ?? file?.[1];
    if (id === undefined) return problem(404, "EntryNotFound", "Not Found");
    const renamed = this.#renamed.get(id);
    if (renamed !== undefined) {
      const to = new URL(request.url);
      to.pathname = to.pathname.replace(id, renamed);
      return new Response(null, { status: 307, headers: { location: to.pathname + to.search } });
    }
    const repo = this.#repos.get(id);
    if (repo === undefined) return problem(401, "RepoNotFound", "Repository not found");
    const revision = api?.[3] ?? file?.[2] ?? "main";
    const sha = repo.commits.has(revision) ? revision : repo.refs.get(revision);
    const commit = sha === undefined ? undefined : repo.commits.get(sha);
    if (sha === undefined || commit === undefined) {
      return problem(404, "RevisionNotFound", `Invalid rev id: ${revision}`);
    }
    const { token, gated } = commit.options;
    const allowed = token === undefined ||
      request.headers.get("authorization") === `Bearer ${token}`;
    if (!allowed && !gated) return problem(401, "RepoNotFound", "Repository not found");
    if (api?.[2] === "tree") return this.#tree(request, commit);
    if (api?.[2] === "paths-info") return await pathsInfo(request, sha, commit);
    if (api !== null) return info(id, sha, commit);
    if (!allowed) return problem(403, "GatedRepo", `Access to model ${id} is restricted`);
    return this.#file(request, sha, commit, file![3]!);
  }

  #tree(request: Request, commit: Commit): Response {
    const url = new URL(request.url);
    const all = commit.options.listing ?? listing(commit);
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const page = all.slice(from, from + this.pageSize);
    const headers = new Headers();
    if (from + page.length < all.length) {
      url.searchParams.set("cursor", String(from + page.length));
      headers.set("link", `<${this.url}${url.pathname}${url.search}>; rel="next"`);
    }
    return Response.json(page, { headers });
  }

  #file(request: Request, sha: string, commit: Commit, path: string): Response {
    const stored = commit.files.get(path);
    const headers = new Headers({ "x-repo-commit": sha });
    if (stored === undefined) return problem(404, "EntryNotFound", "Entry not found", headers);
    const { bytes, entry } = stored;
    if (entry.lfs === undefined) return content(request, bytes, `"${entry.oid}"`, headers);
    headers.set("x-linked-size", String(bytes.length));
    headers.set("x-linked-etag", `"${entry.lfs.oid}"`);
    headers.set("etag", `"${entry.oid}"`);
    headers.set("location", `${this.cdnUrl}/${entry.lfs.oid}?signature=secret`);
    return new Response(null, { status: 302, headers });
  }

  #blob(request: Request, path: string): Response {
    const bytes = this.#blobs.get(path.slice(1));
    if (bytes === undefined) return new Response("no such blob", { status: 404 });
    return content(request, bytes, `"${path.slice(1)}"`, new Headers());
  }

  /** Stops to listen. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#hub.shutdown(), this.#cdn.shutdown()]);
  }
}

function broken(error: unknown): Response {
  return new Response(`the test server broke: ${error}`, { status: 599 });
}

function problem(status: number, code: string, message: string, headers = new Headers()): Response {
  headers.set("x-error-code", code);
  headers.set("x-error-message", message);
  return Response.json({ error: message }, { status, headers });
}

function listing(commit: Commit): TreeEntry[] {
  const entries = [...commit.files.values()].map(({ entry }) => entry);
  const folders = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join("/"));
  }
  return [
    ...[...folders].map((path) =>
      ({ type: "directory", path, size: 0, oid: sha("sha1", path) }) as const
    ),
    ...entries,
  ];
}

/** What the npm client asks before each file. */
async function pathsInfo(request: Request, sha: string, commit: Commit): Promise<Response> {
  const { paths } = await request.json() as { paths: string[] };
  const lastCommit = { id: sha, title: "add files", date: "2026-01-01T00:00:00.000Z" };
  return Response.json(
    paths.flatMap((path) => commit.files.get(path)?.entry ?? [])
      .map((entry) => ({ ...entry, lastCommit })),
  );
}

function info(id: string, sha: string, commit: Commit): Response {
  return Response.json({
    _id: sha.slice(0, 24),
    id,
    modelId: id,
    sha,
    private: false,
    gated: commit.options.gated ? "auto" : false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    lastModified: "2026-01-01T00:00:00.000Z",
    createdAt: "2026-01-01T00:00:00.000Z",
    siblings: [...commit.files.keys()].map((rfilename) => ({ rfilename })),
  });
}

function content(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  etag: string,
  headers: Headers,
): Response {
  headers.set("etag", etag);
  headers.set("accept-ranges", "bytes");
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  const range = request.headers.get("range")?.match(/^bytes=(\d+)-(\d*)$/);
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(range?.[2] ? Number(range[2]) + 1 : bytes.length, bytes.length);
  if (range && start >= bytes.length) {
    headers.set("content-range", `bytes */${bytes.length}`);
    return new Response(null, { status: 416, headers });
  }
  if (range) headers.set("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
  headers.set("content-length", String(end - start));
  const body = request.method === "HEAD" ? null : bytes.slice(start, end);
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** Answers with a status, such as 429 with `{ "retry-after": "1" }`. */
export function status(code: number, headers: Record<string, string> = {}): Fault {
  return () => new Response(`status ${code}`, { status: code, headers });
}

/** Sends to another address. */
export function redirect(location: string): Fault {
  return () => new Response(null, { status: 302, headers: { location } });
}

/** Leaves redirects as they are, so that a fault meets the bytes of large files too. */
function onBody(change: (bytes: Uint8Array<ArrayBuffer>, right: Response) => Response): Fault {
  return async (right) =>
    right.status >= 300 || right.body === null
      ? right
      : change(new Uint8Array(await right.arrayBuffer()), right);
}

/** Breaks the connection after so many bytes. */
export function cutAfter(count: number): Fault {
  return onBody((bytes, right) => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, count));
        // the server sends between two turns of this loop; what it has not sent is lost with the break
        await turns(50);
        controller.error(new Error("cut"));
      },
    });
    return new Response(body, { status: right.status, headers: right.headers });
  });
}

/** Sends the bytes in so many pieces with a pause before each, in milliseconds. */
export function slowly(pieces: number, pause: number): Fault {
  return onBody((bytes, right) => {
    const size = Math.max(1, Math.ceil(bytes.length / pieces));
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((done) => setTimeout(done, pause));
        controller.enqueue(bytes.subarray(at, at += size));
        if (at >= bytes.length) controller.close();
      },
    });
    return new Response(body, { status: right.status, headers: right.headers });
  });
}

/** Sends that many bytes, and the others once it is released; never by default. */
export function heldAfter(count: number, released: Promise<void> = new Promise(() => {})): Fault {
  return onBody((bytes, right) => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, count));
        await released;
        controller.enqueue(bytes.subarray(count));
        controller.close();
      },
    });
    return new Response(body, { status: right.status, headers: right.headers });
  });
}

/** Sends the bytes in pieces of that size, each when the one before has arrived as the caller says. */
export function inPieces(size: number, arrived: (bytes: number) => Promise<void>): Fault {
  return onBody((bytes, right) => {
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (at > 0) await arrived(at);
        controller.enqueue(bytes.subarray(at, at += size));
        if (at >= bytes.length) controller.close();
      },
    });
    return new Response(body, { status: right.status, headers: right.headers });
  });
}

/** Changes a byte in the middle. */
export function corrupted(): Fault {
  return onBody((bytes, right) => {
    bytes[bytes.length >> 1]! ^= 1;
    return new Response(bytes, { status: right.status, headers: right.headers });
  });
}

/** Sends that many bytes less, or with a negative count more, as if the file were so long. */
export function shortenedBy(count: number): Fault {
  return onBody((bytes, right) => {
    const other = new Uint8Array(bytes.length - count);
    other.set(bytes.subarray(0, other.length));
    const headers = new Headers(right.headers);
    headers.set("content-length", String(other.length));
    headers.delete("content-range");
    return new Response(other, { status: 200, headers });
  });
}

/** Answers with blanks without an end, after a text. */
export function endless(text: string): Fault {
  return () => {
    const blanks = new Uint8Array(1 << 20).fill(32);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      pull: (controller) => controller.enqueue(blanks),
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  };
}

/** Answers only once it is released. */
export function silent(released: Promise<void>): Fault {
  return (right) => released.then(() => right.clone());
}
