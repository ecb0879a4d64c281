import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

const ROOT = new URL("../", import.meta.url);

/** Modules that a file names, by their paths in the repository. */
async function modulesIn(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  return [...text.matchAll(/(?<=[\s"])[\w./-]+\.ts\b/g)].map(([name]) => name);
}

describe("files to deploy", () => {
  for (const path of ["functions/deploy/Dockerfile", "functions/deploy/Dockerfile.gpu"]) {
    it(`${path} names modules that are there`, async () => {
      const modules = await modulesIn(path);
      assert(modules.includes("functions/main.ts"), `${modules}`);
      const found = await Promise.all(
        modules.map((name) =>
          Deno.stat(new URL(name, ROOT)).then(({ isFile }) => isFile, () => false)
        ),
      );
      assertEquals(modules.filter((_, i) => !found[i]), []);
    });
  }
});
