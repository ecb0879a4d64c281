import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import rootConfig from "../deno.json" with { type: "json" };
import scripts from "../scripts/deno.json" with { type: "json" };
import { members, root } from "../scripts/workspace/members.ts";
import tests from "./deno.json" with { type: "json" };

/** The packages that are imported from npm or JSR but are not our own, without their versions. */
function foreign(imports: Readonly<Record<string, string>> = {}): string[] {
  return Object.values(imports).filter((address) => !address.startsWith("jsr:@denoise/"))
    .map((address) => address.replace(/^(npm|jsr):/, "").replace(/(?<=.)@[^/]*$/, ""));
}

describe("docs/dependencies.md", () => {
  it("says of every library why it is there, and of no other", async () => {
    const packages = (await members()).map(({ config }) => config.imports);
    const used = new Set([rootConfig.imports, scripts.imports, tests.imports, ...packages].flatMap(
      (imports) => foreign(imports),
    ));
    const page = await Deno.readTextFile(new URL("docs/dependencies.md", root));
    const rows = [...page.matchAll(/^\| (?!Library|---)([^|]+) \|/gm)].map(([_, names]) => names!);
    const named = new Set(rows.flatMap((names) => names.split(", ")));
    assertEquals([...named].sort(), [...used].sort());
  });
});
