import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { root } from "../../../scripts/workspace/members.ts";
import { writeTree } from "../files.ts";

const test = (value: string) => `
  import { assertSnapshot } from "@std/testing/snapshot";
  Deno.test("outer", async (t) => {
    await t.step("inner", async (t) => {
      await assertSnapshot(t, ${value});
      await assertSnapshot(t, "a \`quoted\` \${word} \\\\ back");
    });
  });`;

describe("assertSnapshot()", () => {
  it("writes with --update, passes on the same values, fails on others", async () => {
    const imports = JSON.parse(await Deno.readTextFile(new URL("deno.json", root))).imports;
    await using folder = await writeTree({
      "deno.json": JSON.stringify({ imports: { "@std/testing": imports["@std/testing"] } }),
      "a_test.ts": test(`{ b: [1, 2], a: "x" }`),
    });
    const run = async (...args: string[]) => {
      const { code } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "-A", "--no-lock", ...args],
        cwd: folder.path,
      }).output();
      return code;
    };
    assert(await run() !== 0, "a missing snapshot fails");
    assertEquals(await run("--", "--update"), 0);
    assertEquals(await run(), 0);
    const written = await Deno.readTextFile(`${folder.path}/__snapshots__/a_test.ts.snap`);
    assertStringIncludes(written, "snapshot[`outer > inner 1`] = `");
    await Deno.writeTextFile(`${folder.path}/a_test.ts`, test(`{ b: [1, 3], a: "x" }`));
    assert(await run() !== 0, "another value fails");
  });
});
