/**
 * What a registry holds, and how it gets it: from a folder as it lies, or from the archive that
 * `deno publish` sends.
 *
 * @module
 */
import { parseTarGzip } from "nanotar";

/** One version of a package. */
export interface ServedPackage {
  /** Scoped name, `@std/assert`. */
  name: string;
  /** Its version. */
  version: string;
  /** Entry points: `.` or `./name` to a path that starts with `./`. */
  exports: Record<string, string>;
  /** Contents by path, without a leading slash. */
  files: Map<string, Uint8Array>;
}

/** Reads a package from its folder: every file in it, unchanged. */
export async function readFolder(folder: URL): Promise<ServedPackage> {
  const files = new Map<string, Uint8Array>();
  for await (const path of walk(folder)) {
    files.set(path, await Deno.readFile(new URL(path, folder)));
  }
  return fromFiles(files);
}

/** Reads a package from the gzipped archive of `deno publish`. */
export async function readArchive(archive: Uint8Array): Promise<ServedPackage> {
  const files = new Map<string, Uint8Array>();
  for (const { name, type, data } of await parseTarGzip(archive)) {
    if (type === "file") files.set(name.replace(/^\.\//, ""), data ?? new Uint8Array());
  }
  return fromFiles(files);
}

function fromFiles(files: Map<string, Uint8Array>): ServedPackage {
  const config = files.get("deno.json");
  if (!config) throw new TypeError("Cannot read the package: it has no deno.json");
  const { name, version, exports } = JSON.parse(new TextDecoder().decode(config));
  return {
    name,
    version,
    exports: typeof exports === "string" ? { ".": exports } : exports,
    files,
  };
}

async function* walk(folder: URL, prefix = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(prefix, folder))) {
    if (entry.isDirectory) yield* walk(folder, `${prefix}${entry.name}/`);
    else yield prefix + entry.name;
  }
}
