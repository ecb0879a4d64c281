import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { workspaceRegistry } from "./mod.ts";

const longName = `${"deep/".repeat(24)}value.ts`;

/** A workspace with all that a package may hold: names of siblings, npm, JSON, assets, workers. */
const workspace = {
  "deno.json": JSON.stringify({
    name: "@sample/root",
    version: "0.3.1",
    license: "MIT",
    exports: "./mod.ts",
    workspace: ["./packages/*"],
    publish: { include: ["mod.ts", "LICENSE"] },
  }),
  "mod.ts": `export { total } from "@sample/a";
    export const lazy: () => Promise<unknown> = () => import("@sample/b/name");`,
  "secret.ts": "export const secret: number = 1;",
  "packages/a/deno.json": JSON.stringify({
    name: "@sample/a",
    version: "0.3.1",
    license: "MIT",
    exports: "./mod.ts",
    imports: { "@sample/b": "jsr:@sample/b@^0.3.1", "nanotar": "npm:nanotar@^0.3.0" },
    publish: { exclude: ["**/*_test.ts"] },
  }),
  "packages/a/mod.ts": `import data from "./data.json" with { type: "json" };
    import { createTar } from "nanotar";
    import { deep } from "@sample/b";
    /** A sum of what comes from JSON, npm and a sibling. */
    export const total: number = data.value + createTar([]).length % 512 + deep;`,
  "packages/a/mod_test.ts": "",
  "packages/a/data.json": `{ "value": 40 }`,
  "packages/b/deno.json": JSON.stringify({
    name: "@sample/b",
    version: "0.3.1",
    license: "MIT",
    exports: { ".": "./mod.ts", "./name": "./name.ts" },
  }),
  "packages/b/mod.ts": `export { deep } from "./${longName}";`,
  [`packages/b/${longName}`]: "export const deep: number = 2;",
  "packages/b/name.ts": `/** Reads a file that lies in the package. */
    export const asset: string = await (await fetch(new URL("./asset.txt", import.meta.url))).text();`,
  "packages/b/asset.txt": "an asset",
};

describe("workspaceRegistry()", () => {
  it("serves a workspace to a program in an empty folder", async () => {
    await using from = await writeTree(workspace);
    await using to = await writeTree({
      "main.ts": `import { lazy, total } from "jsr:@sample/root@^0.3.0";
        console.log(total, (await lazy()).asset);`,
    });
    await using registry = await workspaceRegistry(from.url);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-net=127.0.0.1", "main.ts"],
      cwd: to.path,
      env: { JSR_URL: await registry.url() },
    }).output();
    const text = new TextDecoder();
    assertEquals(text.decode(stdout), "42 an asset\n", text.decode(stderr));
  });

  it("holds what deno publish sends and nothing else", async () => {
    await using from = await writeTree(workspace);
    await using registry = await workspaceRegistry(from.url);
    const files = new Map(registry.packages.map(({ name, files }) => [name, [...files.keys()]]));
    assertEquals(files.get("@sample/root")?.sort(), ["deno.json", "mod.ts"]);
    assertEquals(files.get("@sample/a")?.sort(), ["data.json", "deno.json", "mod.ts"]);
  });

  it("names the file that cannot be published", async () => {
    const c = { name: "@sample/c", version: "0.3.1", license: "MIT", exports: "./mod.ts" };
    await using from = await writeTree({
      ...workspace,
      "packages/c/deno.json": JSON.stringify(c),
      "packages/c/mod.ts": `export * from "../b/name.ts";`,
    });
    const error = await assertRejects(() => workspaceRegistry(from.url), Error);
    assertStringIncludes(error.message, "Cannot publish the workspace");
    assertStringIncludes(error.message, "packages/c/mod.ts");
  });
});
