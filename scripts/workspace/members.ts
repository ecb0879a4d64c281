/**
 * The packages of this workspace.
 *
 * @module
 */

/** The root folder of the repository. */
export const root: URL = new URL("../../", import.meta.url);

/** What the scripts read of a package's deno.json. */
export interface PackageConfig {
  /** Scoped name. */
  name: string;
  /** Version, the same in the whole workspace. */
  version: string;
  /** Entry points: one path, or paths by name. */
  exports: string | Record<string, string>;
  /** Import map. */
  imports?: Record<string, string>;
  /** Folders of the members, the last parts of which may be `*`. Only in the root. */
  workspace?: string[];
  /** What is published. */
  publish?: { include?: string[] };
}

/** A package of the workspace. */
export interface Member {
  /** Folder relative to the root, `.` for the root package, without a slash at the end. */
  path: string;
  /** The same as an address, with a slash at the end. */
  folder: URL;
  /** Its deno.json. */
  config: PackageConfig;
}

/** Reads the deno.json of a folder; `undefined` where there is none. */
export async function readConfig(folder: URL): Promise<PackageConfig | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(new URL("deno.json", folder)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** All members, the root package first. */
export async function members(at: URL = root): Promise<Member[]> {
  const config = await readConfig(at);
  if (!config) throw new TypeError(`Cannot read the workspace: no deno.json in ${at.pathname}`);
  const found: Member[] = [{ path: ".", folder: at, config }];
  for (const pattern of config.workspace ?? []) {
    for await (const path of expand(at, pattern.replace(/^\.\//, "").split("/"))) {
      const folder = new URL(`${path}/`, at);
      const config = await readConfig(folder);
      if (config?.name) found.push({ path, folder, config });
    }
  }
  return found;
}

/** Entry points of a package as addresses. */
export function entryPoints({ folder, config }: Member): URL[] {
  const { exports } = config;
  const paths = typeof exports === "string" ? [exports] : Object.values(exports);
  return paths.map((path) => new URL(path, folder));
}

/** Packages in such an order that each comes after those of the workspace that it imports. */
export function inOrder(packages: readonly Member[]): Member[] {
  const byName = new Map(packages.map((member) => [member.config.name, member]));
  const seen = new Set<Member>();
  const ordered: Member[] = [];
  const visit = (member: Member) => {
    if (seen.has(member)) return;
    seen.add(member);
    for (const name of Object.keys(member.config.imports ?? {})) {
      const needed = byName.get(name.split("/").slice(0, 2).join("/"));
      if (needed) visit(needed);
    }
    ordered.push(member);
  };
  packages.forEach(visit);
  return ordered;
}

async function* expand(at: URL, parts: string[], prefix = ""): AsyncGenerator<string> {
  const [part, ...rest] = parts;
  if (part === undefined) return yield prefix.slice(0, -1);
  if (part !== "*") return yield* expand(at, rest, `${prefix}${part}/`);
  const folders = [];
  for await (const entry of Deno.readDir(new URL(prefix, at))) {
    if (entry.isDirectory) folders.push(entry.name);
  }
  for (const name of folders.sort()) yield* expand(at, rest, `${prefix}${name}/`);
}
