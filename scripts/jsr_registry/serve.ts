/**
 * The registry on loopback.
 *
 * @module
 */
import { documents, type ServedPackage, sha256 } from "./registry.ts";

/** A registry that listens. */
export interface RunningRegistry extends AsyncDisposable {
  /** The value for `JSR_URL`. */
  url: string;
}

/**
 * Serves packages on a free loopback port. The address carries a digest of what is served, since
 * Deno caches by address and would give old contents of a port that was used before.
 */
export async function serveRegistry(packages: readonly ServedPackage[]): Promise<RunningRegistry> {
  const served = await documents(packages);
  const metas = [...served].filter(([path]) => path.endsWith("_meta.json"));
  const text = metas.map(([path, bytes]) => path + new TextDecoder().decode(bytes)).join();
  const digest = (await sha256(new TextEncoder().encode(text))).slice(0, 12);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const path = decodeURI(new URL(request.url).pathname).slice(digest.length + 2);
      const bytes = served.get(path);
      if (!bytes) return new Response("Not found", { status: 404 });
      return new Response(bytes as BodyInit, { headers: { "content-type": contentType(path) } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/${digest}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function contentType(path: string): string {
  if (/\.(ts|mts)$/.test(path)) return "text/typescript";
  if (/\.tsx$/.test(path)) return "text/tsx";
  if (/\.m?js$/.test(path)) return "text/javascript";
  if (path.endsWith(".json")) return "application/json";
  return "application/octet-stream";
}
