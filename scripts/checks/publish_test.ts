import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertMatch } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { publishProblems } from "./publish.ts";
import { members } from "../workspace/members.ts";

const sound = {
  "deno.json": `{
    "name": "@sample/a",
    "version": "0.1.0",
    "license": "MIT",
    "exports": "./mod.ts",
    "publish": { "exclude": ["notes"] }
  }`,
  "mod.ts": "export const one: number = 1;",
  "notes/big.txt": "x".repeat(21 * 2 ** 20),
};

const problemsOf = async (files: Record<string, string>) => {
  await using folder = await writeTree(files);
  const [member] = await members(folder.url);
  return await publishProblems(member!);
};

describe("publishProblems()", () => {
  it("finds none in a sound package, whatever it leaves out", async () => {
    assertEquals(await problemsOf(sound), []);
  });

  it("finds slow types", async () => {
    const [problem] = await problemsOf({
      ...sound,
      "mod.ts": "export function f() { return { a: Math.sin(1) }; }",
    });
    assertMatch(problem ?? "", /^@sample\/a: [^]*missing-explicit/);
  });

  it("finds a package that is too big", async () => {
    const [problem] = await problemsOf({ ...sound, "data/big.txt": sound["notes/big.txt"] });
    assertMatch(problem ?? "", /^@sample\/a: 2202\d{4} bytes in all, more than the 20971520 /);
  });
});
