import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertMatch } from "@std/assert";
import { writeTree } from "../../tests/support/files.ts";
import { publishReport } from "./publish.ts";
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
  return (await publishReport(member!)).problems;
};

describe("publishReport()", () => {
  it("finds none in a sound package, whatever it leaves out", async () => {
    assertEquals(await problemsOf(sound), []);
  });

  it("finds what is for tests only", async () => {
    const [problem] = await problemsOf({ ...sound, "mod_test.ts": "Deno.test('', () => {});" });
    assertMatch(problem ?? "", /mod_test\.ts is for tests/);
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
