/** A web server that gives the files of a folder, with ranges, as any static host does. */
export class FolderServer implements AsyncDisposable {
  /** The requests that arrived. */
  readonly requests: { readonly path: string; readonly headers: Headers }[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #folder: string;
  readonly #token: string | undefined;

  /** Serves a folder; with a token only to those who send it. */
  constructor(folder: string, token?: string) {
    this.#folder = folder;
    this.#token = token;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  /** Its address. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async #answer(request: Request): Promise<Response> {
    const path = decodeURIComponent(new URL(request.url).pathname);
    this.requests.push({ path, headers: request.headers });
    const token = request.headers.get("authorization");
    if (this.#token !== undefined && token !== `Bearer ${this.#token}`) {
      return new Response("who are you", { status: 401 });
    }
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await Deno.readFile(this.#folder + path);
    } catch {
      return new Response("not here", { status: 404 });
    }
    const range = request.headers.get("range")?.match(/^bytes=(\d+)-(\d*)$/);
    if (!range) return new Response(bytes);
    const start = Number(range[1]);
    const end = Math.min(range[2] ? Number(range[2]) + 1 : bytes.length, bytes.length);
    if (start >= bytes.length) {
      return new Response(null, {
        status: 416,
        headers: { "content-range": `bytes */${bytes.length}` },
      });
    }
    const headers = { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` };
    return new Response(bytes.slice(start, end), { status: 206, headers });
  }

  /** Stops to listen. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
