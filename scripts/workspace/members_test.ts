import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { inOrder, members } from "./members.ts";

describe("members()", () => {
  it("lists every folder of a pattern that has a deno.json, and the root where it is a package", async () => {
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

  it("leaves out a root without a name", async () => {
    await using workspace = await writeTree({
      "deno.json": `{ "workspace": ["./core"] }`,
      "core/deno.json": `{ "name": "@a/core" }`,
    });
    assertEquals((await members(workspace.url)).map(({ path }) => path), ["core"]);
  });

  it("finds this workspace", async () => {
    const names = (await members()).map(({ config }) => config.name);
    assert(names.includes("@denoise/core"));
    assertEquals(new Set(names).size, names.length);
  });
});

describe("inOrder()", () => {
  it("puts a package after those that it imports", async () => {
    const member = (name: string, source: string) => ({
      [`${name}/deno.json`]: `{ "name": "@a/${name}", "version": "0.1.0", "exports": "./mod.ts" }`,
      [`${name}/mod.ts`]: source,
    });
    await using workspace = await writeTree({
      "deno.json": `{ "workspace": ["./all", "./core", "./onnx", "./unet"] }`,
      ...member("all", `export const load = () => import("@a/unet");`),
      ...member("unet", `export { one } from "@a/onnx"; import "@a/core";`),
      ...member("onnx", `import type { One } from "@a/core"; export const one: One = 1;`),
      ...member("core", `export type One = 1;`),
    });
    const ordered = await inOrder(await members(workspace.url), workspace.url);
    assertEquals(ordered.map(({ path }) => path), ["core", "onnx", "unet", "all"]);
  });
});
