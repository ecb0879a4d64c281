import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runtimeProblems } from "./runtimes.ts";

describe("runtimeProblems()", () => {
  it("finds Deno in code, not in comments and texts", () => {
    const text =
      'await Deno.readFile(path); // as Deno.stat\n/** Deno.errors */ const x = "in Deno";';
    assertEquals(runtimeProblems("plugins/x/mod.ts", text).map((line) => line.split(" ")[0]), [
      "plugins/x/mod.ts:1",
    ]);
    assertEquals(runtimeProblems("plugins/x/mod.ts", "type F = typeof Deno;").length, 1);
    assertEquals(runtimeProblems("core/system.ts", text), []);
  });

  it("finds what Node.js 24 lacks, in any file", () => {
    for (const code of ["bytes.toHex()", "Uint8Array.fromBase64(text)", "Math.sumPrecise(x)"]) {
      assertEquals(runtimeProblems("core/system.ts", code).length, 1, code);
    }
  });

  it("is not misled by addresses", () => {
    const text = 'const url = "https://x"; Deno.exit();';
    assertEquals(runtimeProblems("core/x.ts", text).length, 1);
  });
});
