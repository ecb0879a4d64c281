/**
 * `deno task version [NEW]`: prints the version that all packages share, or sets it in every
 * deno.json, in the ranges by which the packages import each other and in core.
 *
 * @module
 */
import { type Member, members, root } from "../workspace/members.ts";

/** The file that tells the version at run time. */
const CONSTANT = "core/version.ts";

/** What does not carry the version of the root package, one line each. */
export async function versionProblems(at: URL = root): Promise<string[]> {
  const all = await members(at);
  const version = all[0]!.config.version;
  const changes = await changesTo(version, all, at);
  return changes.map(({ path }) => `${path} does not carry version ${version} of the workspace`);
}

/** Sets the version everywhere; returns the paths of the files that changed. */
export async function setVersion(version: string, at: URL = root): Promise<string[]> {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    throw new SyntaxError(`Cannot set version "${version}": give one such as 1.2.3`);
  }
  const changes = await changesTo(version, await members(at), at);
  for (const { path, text } of changes) await Deno.writeTextFile(new URL(path, at), text);
  return changes.map(({ path }) => path);
}

async function changesTo(
  version: string,
  all: readonly Member[],
  at: URL,
): Promise<{ path: string; text: string }[]> {
  const names = all.map(({ config }) => config.name).join("|");
  const range = new RegExp(`"jsr:(${names})@[^"/]+((?:/[^"]*)?)"`, "g");
  const configs = all.map(({ path }) => path === "." ? "deno.json" : `${path}/deno.json`);
  const changes = [];
  for (const path of [...configs, CONSTANT]) {
    const before = await Deno.readTextFile(new URL(path, at));
    const text = before
      .replace(/^( {2}"version": )"[^"]*"/m, `$1"${version}"`)
      .replace(/(\bconst VERSION = )"[^"]*"/, `$1"${version}"`)
      .replace(range, `"jsr:$1@^${version}$2"`);
    if (text !== before) changes.push({ path, text });
  }
  return changes;
}

if (import.meta.main) {
  const [version] = Deno.args;
  if (version) { for (const path of await setVersion(version)) console.log(path); }
  else console.log((await members())[0]!.config.version);
}
