import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { type Text, withoutCaller } from "./exports.ts";

const member = {
  path: "plugins/foundations/waves",
  config: { name: "@denoise/waves", version: "0.1.0", exports: "./mod.ts" },
};
const declared = "plugins/foundations/waves/waves.ts";
const value = { name: "wave", file: declared, isType: false };
const type = { name: "Wave", file: declared, isType: true };

function unused(...others: readonly (readonly [path: string, text: string])[]): string[] {
  const own =
    "/** wave and Wave */ export interface Wave {} export function wave() { return wave; }";
  const texts: Text[] = [[declared, own] as const, ...others].map(([path, text]) => ({
    path,
    text,
  }));
  return withoutCaller(member, [value, type], texts);
}

describe("withoutCaller()", () => {
  it("finds what only its own file, its tests and lists of exports name", () => {
    assertEquals(
      unused(
        ["plugins/foundations/waves/mod.ts", `export { type Wave, wave } from "./waves.ts";`],
        [
          "plugins/foundations/waves/waves_test.ts",
          `import { type Wave, wave } from "./waves.ts";`,
        ],
        ["plugins/models/a/mod.ts", `const wave: Wave = 1; // another one`],
      ),
      ["wave", "Wave"],
    );
  });

  it("takes another module of the package, another package and a page of the docs as callers", () => {
    const call = `import { type Wave, wave } from "@denoise/waves";`;
    assertEquals(
      unused(["plugins/foundations/waves/sea.ts", `export const sea: Wave = wave();`]),
      [],
    );
    assertEquals(unused(["plugins/models/a/mod.ts", call]), []);
    assertEquals(unused(["docs/write-a-model.md", call]), []);
  });

  it("takes a type as used that another declaration of its file is written with", () => {
    const texts = [{ path: declared, text: "export interface Wave {} export const w: Wave = {};" }];
    assertEquals(withoutCaller(member, [type], texts), []);
  });
});
