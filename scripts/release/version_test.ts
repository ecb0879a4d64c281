import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { setVersion, versionProblems } from "./version.ts";

const files = {
  "deno.json": `{
  "name": "@denoise/denoise",
  "version": "0.1.0",
  "workspace": ["./core", "./plugins/*/*"],
  "imports": { "@std/assert": "jsr:@std/assert@^1.0.0" }
}
`,
  "core/deno.json": `{
  "name": "@denoise/core",
  "version": "0.1.0"
}
`,
  "core/version.ts":
    `export const VERSION = "0.1.0";\nexport const DIFFUSERS_VERSION = "0.42.1";\n`,
  "plugins/schedulers/ddim/deno.json": `{
  "name": "@denoise/scheduler-ddim",
  "version": "0.1.0",
  "imports": {
    "@denoise/core": "jsr:@denoise/core@^0.1.0",
    "@denoise/core/parts": "jsr:@denoise/core@^0.1.0/parts"
  }
}
`,
};

describe("setVersion()", () => {
  it("sets the version of every package, the ranges between them and the constant", async () => {
    await using workspace = await writeTree(files);
    assertEquals((await setVersion("0.2.0-rc.1", workspace.url)).length, 4);
    for (const [path, text] of Object.entries(files)) {
      assertEquals(
        await Deno.readTextFile(new URL(path, workspace.url)),
        text.replaceAll("0.1.0", "0.2.0-rc.1"),
      );
    }
  });

  it("refuses what is no version", async () => {
    await using workspace = await writeTree(files);
    await assertRejects(() => setVersion("v2", workspace.url), SyntaxError, `"v2"`);
  });
});

describe("versionProblems()", () => {
  it("finds none where all agree", async () => {
    await using workspace = await writeTree(files);
    assertEquals(await versionProblems(workspace.url), []);
  });

  it("finds the file with another version", async () => {
    const core = files["core/deno.json"].replace("0.1.0", "0.1.1");
    await using workspace = await writeTree({ ...files, "core/deno.json": core });
    assertEquals(await versionProblems(workspace.url), [
      "core/deno.json does not carry version 0.1.0 of the workspace",
    ]);
  });
});
