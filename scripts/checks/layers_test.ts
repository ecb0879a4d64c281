import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { layerProblems } from "./layers.ts";

const config = (name: string, imports: Record<string, string> = {}) =>
  JSON.stringify({ name, version: "0.1.0", exports: "./mod.ts", imports });
const core = { "@denoise/core": "jsr:@denoise/core@^0.1.0" };

/** A workspace in order. */
const sound = {
  "deno.json": JSON.stringify({
    name: "@denoise/denoise",
    version: "0.1.0",
    exports: "./mod.ts",
    workspace: ["./core", "./plugins/*/*", "./functions"],
    publish: { include: ["mod.ts", "README.md", "cli"] },
  }),
  "mod.ts": `export * from "@denoise/core"; export * from "@denoise/ddim";`,
  "cli/main.ts": `import "../mod.ts";`,
  "core/deno.json": config("@denoise/core"),
  "core/mod.ts": `import "node:path"; export const one: number = 1;`,
  "plugins/schedulers/empty/notes.txt": "a folder without a package is left out",
  "plugins/schedulers/ddim/deno.json": config("@denoise/ddim", core),
  "plugins/schedulers/ddim/mod.ts":
    `export { one } from "@denoise/core"; import "./deep/other.ts";`,
  "plugins/schedulers/ddim/deep/other.ts": `export const asset = new URL("../a", import.meta.url);`,
  "plugins/schedulers/ddim/mod_test.ts": `import "@denoise/functions"; import "./mod.ts";`,
  "plugins/runtimes/onnx/deno.json": config("@denoise/onnx", {
    "onnxruntime-node": "npm:onnxruntime-node@1.30.0",
  }),
  "plugins/runtimes/onnx/mod.ts": `import "./session.ts";`,
  "plugins/runtimes/onnx/session.ts": `await import("onnxruntime-node");`,
  "plugins/models/unet/deno.json": config("@denoise/unet", {
    ...core,
    "@denoise/onnx": "jsr:@denoise/onnx@^0.1.0",
  }),
  "plugins/models/unet/mod.ts": `import "@denoise/core"; import "@denoise/onnx";`,
  "functions/deno.json": config("@denoise/functions", {
    "@denoise/denoise": "jsr:@denoise/denoise@^0.1.0",
  }),
  "functions/mod.ts": `import "@denoise/denoise";`,
};

const ddim = "plugins/schedulers/ddim";

const violations: { title: string; files: Record<string, string>; problem: string }[] = [
  {
    title: "an import of core",
    files: {
      "core/deno.json": config("@denoise/core", { "nanotar": "npm:nanotar@^0.3.0" }),
      "core/mod.ts": `import "nanotar";`,
    },
    problem: `core/mod.ts:1:8 imports "nanotar": core may import nothing outside itself`,
  },
  {
    title: "a plugin that imports a plugin",
    files: {
      [`${ddim}/deno.json`]: config("@denoise/ddim", {
        ...core,
        "@denoise/onnx": "jsr:@denoise/onnx@^0.1.0",
      }),
      [`${ddim}/mod.ts`]: `export { one } from "@denoise/core";\nawait import("@denoise/onnx");`,
    },
    problem: `${ddim}/mod.ts:2:14 imports "@denoise/onnx": ` +
      "a scheduler may import only @denoise/core and @denoise/schedules of the workspace",
  },
  {
    title: "a path into another package, of a type",
    files: { "core/mod.ts": `export type T = import("../functions/mod.ts").T;` },
    problem: `core/mod.ts:1:24 imports "../functions/mod.ts": ` +
      "it lies in @denoise/functions; import that package by its name",
  },
  {
    title: "a name that the package does not list",
    files: { [`${ddim}/deno.json`]: config("@denoise/ddim") },
    problem: `${ddim}/deno.json does not list "@denoise/core", which ${ddim}/mod.ts:1:21 imports`,
  },
  {
    title: "a name that is listed and not used",
    files: { "core/deno.json": config("@denoise/core", { "nanotar": "npm:nanotar@^0.3.0" }) },
    problem: `core/deno.json lists "nanotar", which no published module of the package imports`,
  },
  {
    title: "an npm specifier in a module",
    files: { "core/mod.ts": `import "npm:nanotar@^0.3.0";` },
    problem: `core/mod.ts:1:8 imports "npm:nanotar@^0.3.0": ` +
      "put it into the imports of deno.json and import it by name",
  },
  {
    title: "a second import of the native runtime",
    files: { "plugins/runtimes/onnx/mod.ts": `import "./session.ts"; import "onnxruntime-node";` },
    problem: `plugins/runtimes/onnx/mod.ts:1:31 imports "onnxruntime-node": ` +
      "only plugins/runtimes/onnx/session.ts may import onnxruntime-node",
  },
  {
    title: "a file that is read from another package",
    files: { "core/mod.ts": `\nexport const a = new URL("../LICENSE", import.meta.url);` },
    problem: `core/mod.ts:2 reads "../LICENSE": ` +
      "it lies outside @denoise/core and is not published with it",
  },
];

describe("layerProblems()", () => {
  it("finds none where all is in order", async () => {
    await using workspace = await writeTree(sound);
    assertEquals(await layerProblems(workspace.url), []);
  });

  for (const { title, files, problem } of violations) {
    it(`finds ${title}`, async () => {
      await using workspace = await writeTree({ ...sound, ...files });
      assertEquals(await layerProblems(workspace.url), [problem]);
    });
  }
});
