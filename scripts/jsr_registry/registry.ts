/**
 * A registry that speaks the protocol of JSR: `deno publish` puts packages into it, and imports of
 * `jsr:` read them. It listens on loopback and keeps everything in memory.
 *
 * @module
 */
import { readArchive, type ServedPackage } from "./packages.ts";

/** Tried first, so that Deno's cache, which goes by address, is not filled again on each run. */
const PREFERRED_PORT = 45_873;

/** Packages of a registry by path of document: `@scope/name/meta.json`, `<version>_meta.json`, files. */
export type Documents = Map<string, Uint8Array>;

const encoder = new TextEncoder();

/** A JSR registry on loopback. */
export class Registry implements AsyncDisposable {
  #documents: Documents = new Map();
  #published = new Map<string, ServedPackage>();
  #server: Deno.HttpServer<Deno.NetAddr>;

  /** Starts to listen. */
  constructor() {
    this.#server = listen((request) => this.#answer(request));
  }

  /** Names and versions of what it holds. */
  get packages(): readonly ServedPackage[] {
    return [...this.#published.values()];
  }

  /**
   * The value of `JSR_URL`. It carries a digest of what is there, since Deno would
   * otherwise give the old contents of an address from its cache.
   */
  async url(): Promise<string> {
    const metas = [...this.#documents].filter(([path]) => path.endsWith("_meta.json"));
    const text = metas.map(([, bytes]) => new TextDecoder().decode(bytes)).sort().join();
    const digest = (await sha256(encoder.encode(text))).slice(0, 12);
    return `http://127.0.0.1:${this.#server.addr.port}/${digest}/`;
  }

  /** Adds a package, or replaces the one of that name. */
  async add(added: ServedPackage): Promise<void> {
    this.#published.set(added.name, added);
    for (const [path, bytes] of await documentsOf(added)) this.#documents.set(path, bytes);
  }

  /** Stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const path = decodeURI(new URL(request.url).pathname).replace(/^\/[0-9a-f]+\//, "/");
    if (path.startsWith("/api/")) return await this.#publish(request, path);
    const document = path.slice(1);
    const bytes = this.#documents.get(document);
    if (!bytes) return new Response("Not found", { status: 404 });
    return new Response(bytes as BodyInit, {
      headers: { "content-type": contentType(document) },
    });
  }

  /** The three requests of `deno publish`: is the version there, is the package there, take it. */
  async #publish(request: Request, path: string): Promise<Response> {
    const found = /^\/api\/scopes\/([^/]+)\/packages\/([^/]+)(\/versions\/[^/]+)?$/.exec(path);
    if (!found) return notFound("routeNotFound");
    const [, scope, name, version] = found;
    if (request.method === "GET") {
      return version ? notFound("packageVersionNotFound") : Response.json({ scope, name });
    }
    await this.add(await readArchive(await request.bytes()));
    return Response.json({ id: crypto.randomUUID(), status: "success", error: null });
  }
}

async function documentsOf({ name, version, exports, files }: ServedPackage): Promise<Documents> {
  const documents: Documents = new Map();
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) {
    manifest[`/${path}`] = { size: bytes.length, checksum: `sha256-${await sha256(bytes)}` };
    documents.set(`${name}/${version}/${path}`, bytes);
  }
  const [scope, short] = name.slice(1).split("/");
  const meta = { scope, name: short, latest: version, versions: { [version]: {} } };
  documents.set(`${name}/meta.json`, encoder.encode(JSON.stringify(meta)));
  documents.set(
    `${name}/${version}_meta.json`,
    encoder.encode(JSON.stringify({ exports, manifest })),
  );
  return documents;
}

function listen(handler: Deno.ServeHandler): Deno.HttpServer<Deno.NetAddr> {
  const on = (port: number) =>
    Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, handler);
  try {
    return on(PREFERRED_PORT);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return on(0);
    throw error;
  }
}

function notFound(code: string): Response {
  return Response.json({ code, message: "Not found" }, { status: 404 });
}

function contentType(path: string): string {
  if (/\.m?ts$/.test(path)) return "text/typescript";
  if (/\.m?js$/.test(path)) return "text/javascript";
  if (path.endsWith(".tsx")) return "text/tsx";
  if (path.endsWith(".json")) return "application/json";
  return "application/octet-stream";
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return new Uint8Array(digest).toHex();
}
