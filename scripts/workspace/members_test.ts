import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { inOrder, type Member, members } from "./members.ts";

describe("members()", () => {
  it("lists the root and every folder of a pattern that has a deno.json", async () => {
    await using workspace = await writeTree({
      "deno.json": `{ "name": "@a/root", "workspace": ["./core", "./plugins/*/*"] }`,
      "core/deno.json": `{ "name": "@a/core" }`,
      "plugins/kind/two/deno.json": `{ "name": "@a/two" }`,
      "plugins/kind/one/deno.json": `{ "name": "@a/one" }`,
      "plugins/kind/none/mod.ts": "",
    });
    const found = await members(workspace.url);
    assertEquals(found.map(({ path }) => path), [
      ".",
      "core",
      "plugins/kind/one",
      "plugins/kind/two",
    ]);
  });

  it("finds this workspace", async () => {
    const names = (await members()).map(({ config }) => config.name);
    assert(names.includes("@denoise/core"));
    assertEquals(new Set(names).size, names.length);
  });
});

describe("inOrder()", () => {
  it("puts a package after those that it imports", () => {
    const member = (name: string, ...imports: string[]): Member => ({
      path: name,
      folder: new URL(`file:///${name}/`),
      config: {
        name,
        version: "0.1.0",
        exports: "./mod.ts",
        imports: Object.fromEntries(imports.map((name) => [name, `jsr:${name}@^0.1.0`])),
      },
    });
    const ordered = inOrder([
      member("@a/root", "@a/unet", "@std/assert"),
      member("@a/unet", "@a/onnx/nn", "@a/core"),
      member("@a/onnx", "@a/core"),
      member("@a/core"),
    ]);
    assertEquals(ordered.map(({ path }) => path), ["@a/core", "@a/onnx", "@a/unet", "@a/root"]);
  });
});
