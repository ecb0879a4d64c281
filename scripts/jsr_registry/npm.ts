/**
 * The npm side of JSR: packages as npm.jsr.io gives them to Node.js and Bun. TypeScript becomes
 * JavaScript beside it, `jsr:@scope/name` becomes `@jsr/scope__name`, `npm:name` becomes `name`, and
 * what modules import becomes the list of dependencies; all other files travel as they are.
 *
 * @module
 */
import { init, parse } from "es-module-lexer";
import { createTarGzip, type TarFileInput } from "nanotar";
import type { ServedPackage } from "./packages.ts";

/** A package as npm takes it. */
interface NpmPackage {
  /** Its package.json. */
  readonly manifest: {
    readonly name: string;
    readonly version: string;
    readonly type: "module";
    readonly exports: Readonly<Record<string, { readonly default: string }>>;
    readonly dependencies: Readonly<Record<string, string>>;
  };
  /** Contents by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** `@scope/name` as JSR calls it on npm. */
function npmName(name: string): string {
  return `@jsr/${name.slice(1).replace("/", "__")}`;
}

/** TypeScript becomes JavaScript. */
function javascriptPath(path: string): string {
  return path.replace(/(?<!\.d)\.m?ts$/, ".js");
}

/** What a specifier becomes, and the dependency that it means. */
function rewritten(specifier: string): { to: string; needs?: readonly [string, string] } {
  if (/^\.{1,2}\//.test(specifier)) return { to: javascriptPath(specifier) };
  const [_, kind, name, version = "*", path = ""] =
    specifier.match(/^(jsr|npm):\/?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?(\/.*)?$/) ?? [];
  if (name === undefined) return { to: specifier };
  const own = kind === "jsr" ? npmName(name) : name;
  return { to: own + path, needs: [own, version] };
}

interface Rewritten {
  readonly text: string;
  /** Paths of the package's own modules that it imports. */
  readonly modules: readonly string[];
  /** Other packages that it imports, and their versions. */
  readonly needs: Readonly<Record<string, string>>;
}

/** Rewrites what a module imports. */
function rewrite(code: string, path: string): Rewritten {
  const modules: string[] = [];
  const needs: Record<string, string> = {};
  let [text, end] = ["", 0];
  for (const { n: specifier, s: from, e: to, d: dynamic } of parse(code)[0]) {
    if (specifier === undefined) continue;
    const found = rewritten(specifier);
    if (found.needs !== undefined) needs[found.needs[0]] = found.needs[1];
    if (specifier.startsWith(".")) {
      modules.push(new URL(specifier, `file:///${path}`).pathname.slice(1));
    }
    // the place of a dynamic import's specifier takes its quotes in
    text += code.slice(end, from) + (dynamic > -1 ? JSON.stringify(found.to) : found.to);
    end = to;
  }
  return { text: text + code.slice(end), modules, needs };
}

/** The JavaScript of TypeScript files by package and path, by Deno's own emitter, which JSR has too. */
async function transpiled(packages: readonly ServedPackage[]): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "denoise-npm-" });
  try {
    const paths: string[] = [];
    for (const { name, files } of packages) {
      for (const [path, bytes] of files) {
        if (javascriptPath(path) === path) continue;
        const file = `${folder}/in/${name}/${path}`;
        await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
        await Deno.writeFile(file, bytes);
        paths.push(`${name}/${path}`);
      }
    }
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["transpile", "--quiet", "--no-config", "--outdir", `${folder}/out`, ...paths],
      cwd: `${folder}/in`,
      stdin: "null",
    }).output();
    if (!success) throw new Error(`Cannot transpile: ${new TextDecoder().decode(stderr)}`);
    const code = await Promise.all(
      paths.map(async (path) =>
        [path, await Deno.readTextFile(`${folder}/out/${javascriptPath(path)}`)] as const
      ),
    );
    return new Map(code);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Packages as npm.jsr.io would give them. */
async function npmPackages(packages: readonly ServedPackage[]): Promise<NpmPackage[]> {
  await init;
  const code = await transpiled(packages);
  return packages.map((one) => npmPackage(one, (path) => code.get(`${one.name}/${path}`)));
}

/** A package, of whose modules those become JavaScript that its entry points reach, as JSR does it. */
function npmPackage(
  { name, version, exports, files }: ServedPackage,
  code: (path: string) => string | undefined,
): NpmPackage {
  const encoder = new TextEncoder();
  const dependencies: Record<string, string> = {};
  const packed = new Map(files);
  const reached = new Set(Object.values(exports).map((path) => path.replace(/^\.\//, "")));
  for (const path of reached) { // grows while it is gone through
    const javascript = code(path);
    if (javascript === undefined) continue;
    const { text, modules, needs } = rewrite(javascript, path);
    packed.set(javascriptPath(path), encoder.encode(text));
    modules.forEach((module) => reached.add(module));
    Object.assign(dependencies, needs);
  }
  const manifest = {
    name: npmName(name),
    version,
    type: "module",
    exports: Object.fromEntries(
      Object.entries(exports).map(([key, path]) => [key, { default: javascriptPath(path) }]),
    ),
    dependencies,
  } as const;
  packed.set("package.json", encoder.encode(JSON.stringify(manifest, null, 2)));
  return { manifest, files: packed };
}

async function tarball({ files }: NpmPackage): Promise<Uint8Array> {
  const entries: TarFileInput[] = [...files].map(([path, data]) => ({
    name: `package/${path}`,
    data,
  }));
  return await createTarGzip(entries);
}

/** A registry for npm on loopback. */
export interface NpmRegistry extends AsyncDisposable {
  /** What `@jsr:registry` in an .npmrc has to be. */
  readonly url: string;
}

/** Serves packages to npm and Bun as npm.jsr.io does. */
export async function npmRegistry(packages: readonly ServedPackage[]): Promise<NpmRegistry> {
  const byName = new Map((await npmPackages(packages)).map((one) => [one.manifest.name, one]));
  const tarballs = new Map<string, Promise<Uint8Array>>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  const url = `http://127.0.0.1:${server.addr.port}/`;

  async function answer(request: Request): Promise<Response> {
    const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
    const isTarball = path.endsWith(".tgz");
    const found = byName.get(isTarball ? path.slice(0, -".tgz".length) : path);
    if (found === undefined) return new Response("Not found", { status: 404 });
    const { manifest } = found;
    if (isTarball) {
      const bytes = tarballs.get(manifest.name) ?? tarball(found);
      tarballs.set(manifest.name, bytes);
      return new Response(await bytes as BodyInit);
    }
    return Response.json({
      name: manifest.name,
      "dist-tags": { latest: manifest.version },
      versions: {
        [manifest.version]: { ...manifest, dist: { tarball: `${url}${manifest.name}.tgz` } },
      },
    });
  }

  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}
