/**
 * The npm side of JSR: packages as npm.jsr.io gives them to Node.js and Bun. TypeScript becomes
 * JavaScript beside it and types in `_dist`, `jsr:@scope/name` becomes `@jsr/scope__name`, `npm:name` becomes `name`, and
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
    readonly exports: Readonly<
      Record<string, { readonly types?: string; readonly default: string }>
    >;
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

/** Where the types of a module lie: beside their source TypeScript would read that instead. */
function typesPath(path: string): string {
  return path.replace(/(?<!\.d)\.m?ts$/, ".d.ts");
}

/** What a specifier becomes, and the dependency that it means; `place` says it for the package's own modules. */
function rewritten(
  specifier: string,
  place: (path: string) => string,
): { to: string; needs?: readonly [string, string] } {
  if (/^\.{1,2}\//.test(specifier)) return { to: place(specifier) };
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

/** A specifier in a text, between its quotes or with them. */
interface Place {
  readonly specifier: string | undefined;
  readonly from: number;
  readonly to: number;
  readonly isQuoted: boolean;
}

/** What JavaScript imports. */
function importsIn(code: string): Place[] {
  return parse(code)[0].map(({ n: specifier, s: from, e: to, d: dynamic }) => (
    // the place of a dynamic import's specifier takes its quotes in
    { specifier, from, to, isQuoted: dynamic > -1 }
  ));
}

/** What declarations import. */
function importsInTypes(code: string): Place[] {
  return [...code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"\n]+)"/dg)].map(
    ({ 1: specifier, indices }) => {
      const [from, to] = indices![1]!;
      return { specifier, from, to, isQuoted: false };
    },
  );
}

/** Rewrites what a module imports. */
function rewrite(
  code: string,
  path: string,
  imports: (code: string) => Place[],
  place: (path: string) => string,
): Rewritten {
  const modules: string[] = [];
  const needs: Record<string, string> = {};
  let [text, end] = ["", 0];
  for (const { specifier, from, to, isQuoted } of imports(code)) {
    if (specifier === undefined) continue;
    const found = rewritten(specifier, place);
    if (found.needs !== undefined) needs[found.needs[0]] = found.needs[1];
    if (specifier.startsWith(".")) {
      modules.push(new URL(specifier, `file:///${path}`).pathname.slice(1));
    }
    text += code.slice(end, from) + (isQuoted ? JSON.stringify(found.to) : found.to);
    end = to;
  }
  return { text: text + code.slice(end), modules, needs };
}

/** What becomes of TypeScript, by package and path. */
interface Emitted {
  readonly javascript: ReadonlyMap<string, string>;
  readonly types: ReadonlyMap<string, string>;
}

/** TypeScript as JavaScript, by Deno's own emitter, which JSR has too, and as types, by TypeScript's. */
async function emitted(packages: readonly ServedPackage[], tsc: Compiler): Promise<Emitted> {
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
    const transpile = ["transpile", "--quiet", "--no-config", "--outdir", `${folder}/out`];
    await run(Deno.execPath(), [...transpile, ...paths], `${folder}/in`);
    await Deno.writeTextFile(`${folder}/tsconfig.json`, JSON.stringify(DECLARATIONS));
    await run(tsc.node, [tsc.path, "-p", folder], folder);
    const read = async (place: (path: string) => string) =>
      new Map(
        await Promise.all(
          paths.map(async (path) =>
            [path, await Deno.readTextFile(`${folder}/out/${place(path)}`)] as const
          ),
        ),
      );
    return { javascript: await read(javascriptPath), types: await read(typesPath) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Each file by itself: what is public says its types, or JSR would not take it. */
const DECLARATIONS = {
  compilerOptions: {
    ...{ declaration: true, emitDeclarationOnly: true, noCheck: true, noResolve: true },
    ...{ target: "esnext", module: "esnext", moduleResolution: "bundler" },
    ...{ allowImportingTsExtensions: true, strict: true, types: [], rootDir: "in", outDir: "out" },
  },
  include: ["in/**/*.ts"],
};

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    stdin: "null",
  }).output();
  if (success) return;
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  throw new Error(`Cannot compile the packages: ${said}`);
}

/** Packages as npm.jsr.io would give them. */
async function npmPackages(
  packages: readonly ServedPackage[],
  tsc: Compiler,
): Promise<NpmPackage[]> {
  await init;
  const { javascript, types } = await emitted(packages, tsc);
  return packages.map((one) =>
    npmPackage(
      one,
      (path) => javascript.get(`${one.name}/${path}`),
      (path) => types.get(`${one.name}/${path}`),
    )
  );
}

/** A package, of whose modules those become JavaScript and types that its entry points reach, as JSR does it. */
function npmPackage(
  { name, version, exports, files }: ServedPackage,
  javascript: (path: string) => string | undefined,
  types: (path: string) => string | undefined,
): NpmPackage {
  const encoder = new TextEncoder();
  const dependencies: Record<string, string> = {};
  const packed = new Map(files);
  const pack = (
    emitted: (path: string) => string | undefined,
    imports: (code: string) => Place[],
    place: (path: string) => string,
    folder: string,
  ) => {
    const reached = new Set(Object.values(exports).map((path) => path.replace(/^\.\//, "")));
    for (const path of reached) { // grows while it is gone through
      const code = emitted(path);
      if (code === undefined) continue;
      const { text, modules, needs } = rewrite(code, path, imports, place);
      packed.set(folder + place(path), encoder.encode(text));
      modules.forEach((module) => reached.add(module));
      Object.assign(dependencies, needs);
    }
  };
  pack(javascript, importsIn, javascriptPath, "");
  pack(types, importsInTypes, typesPath, "_dist/");
  const entry = (path: string) => ({
    ...types(path.slice(2)) !== undefined && { types: `./_dist/${typesPath(path.slice(2))}` },
    default: javascriptPath(path),
  });
  const manifest = {
    name: npmName(name),
    version,
    type: "module",
    exports: Object.fromEntries(Object.entries(exports).map(([key, path]) => [key, entry(path)])),
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

/** TypeScript's own compiler. */
export interface Compiler {
  /** The program that runs it. */
  readonly node: string;
  /** Its module. */
  readonly path: string;
}

/** A registry for npm on loopback. */
export interface NpmRegistry extends AsyncDisposable {
  /** What `@jsr:registry` in an .npmrc has to be. */
  readonly url: string;
}

/** Serves packages to npm and Bun as npm.jsr.io does. */
export async function npmRegistry(
  packages: readonly ServedPackage[],
  tsc: Compiler,
): Promise<NpmRegistry> {
  const packed = await npmPackages(packages, tsc);
  const byName = new Map(packed.map((one) => [one.manifest.name, one]));
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
