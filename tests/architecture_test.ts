/**
 * docs/architecture.md names every folder, and every path that it names is there.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/architecture.md", root));
const [, tree = ""] = page.match(/^## Packages\n([^]*?)\n\n/m) ?? [];

async function folders(path: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(path, root)));
  return entries.filter(({ name, isDirectory }) => isDirectory && /^[a-z]/.test(name))
    .map(({ name }) => `${path}${name}`).sort();
}

/** Whether the list of packages names a folder, itself or by its group. */
function isNamed(folder: string): boolean {
  const group = folder.replace(/[^/]+$/, "*");
  return tree.split("\n").some((line) =>
    [folder, `${folder}/`, `${folder}/*`, group].includes(line.trim().split(/\s|,/)[0]!)
  );
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(new URL(path.replace(/\*$/, ""), root)).then(() => true, () => false);
}

describe("docs/architecture.md", () => {
  it("names every folder of the repository, of plugins, of the foundations and of scripts", async () => {
    // named by what is in them
    const ignored = /^(node_modules|plugins|scripts|plugins\/(foundations|runtimes|tools))$/;
    const all = [
      ...await folders(""),
      ...await folders("plugins/"),
      ...await folders("plugins/foundations/"),
      ...await folders("plugins/runtimes/"),
      ...await folders("plugins/tools/"),
      ...await folders("scripts/"),
    ].filter((folder) => !ignored.test(folder));
    assertEquals(all.filter((folder) => !isNamed(folder)), []);
  });

  it("names no path that is not there", async () => {
    const paths = [
      ...tree.split("\n").map((line) => line.trim().split(/\s|,/)[0]!),
      ...[...page.matchAll(/(?:plugins|core|functions|scripts|tests|docs)\/[\w/.]*\w/g)]
        .map(([path]) => path),
    ].filter((path) => path !== "");
    const missing = [];
    for (const path of new Set(paths)) if (!await isThere(path)) missing.push(path);
    assertEquals(missing, []);
  });
});
