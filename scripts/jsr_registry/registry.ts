/**
 * The read side of the JSR protocol over packages in memory: `<package>/meta.json`,
 * `<package>/<version>_meta.json` and the files.
 *
 * @module
 */

/** A package as the registry serves it. */
export interface ServedPackage {
  /** Scoped name, `@std/assert`. */
  name: string;
  /** Its one version. */
  version: string;
  /** Entry points: `.` or `./name` to a path that starts with `./`. */
  exports: Record<string, string>;
  /** Contents by path, without a leading slash. */
  files: Map<string, Uint8Array>;
}

const encoder = new TextEncoder();

/** Text of each document of the registry by its path, without a leading slash. */
export async function documents(
  packages: readonly ServedPackage[],
): Promise<Map<string, Uint8Array>> {
  const all = new Map<string, Uint8Array>();
  for (const { name, version, exports, files } of packages) {
    const [scope, short] = name.slice(1).split("/");
    const meta = { scope, name: short, latest: version, versions: { [version]: {} } };
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [path, bytes] of files) {
      manifest[`/${path}`] = { size: bytes.length, checksum: `sha256-${await sha256(bytes)}` };
      all.set(`${name}/${version}/${path}`, bytes);
    }
    all.set(`${name}/meta.json`, encoder.encode(JSON.stringify(meta)));
    all.set(
      `${name}/${version}_meta.json`,
      encoder.encode(JSON.stringify({ exports, manifest })),
    );
  }
  return all;
}

/** Reads a package from its folder: every file below it. */
export async function readPackage(folder: URL): Promise<ServedPackage> {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", folder)));
  const files = new Map<string, Uint8Array>();
  for await (const path of walk(folder)) {
    files.set(path, await Deno.readFile(new URL(path, folder)));
  }
  const exports = typeof config.exports === "string" ? { ".": config.exports } : config.exports;
  return { name: config.name, version: config.version, exports, files };
}

async function* walk(folder: URL, prefix = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(prefix, folder))) {
    if (entry.isDirectory) yield* walk(folder, `${prefix}${entry.name}/`);
    else yield prefix + entry.name;
  }
}

/** Hexadecimal SHA-256. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return new Uint8Array(digest).toHex();
}
