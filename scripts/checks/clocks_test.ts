import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { clockProblems } from "./clocks.ts";

const wait = `await new Promise((resolve) => ${"setTimeout"}(resolve, 50));`;

describe("clockProblems()", () => {
  it("finds tests that wait by the clock, or measure time", () => {
    const text =
      `it("is slow", async () => {\n  ${wait}\n  const start = ${"performance"}.now();\n});`;
    const places = clockProblems("core/a_test.ts", text).map((problem) => problem.split(": ")[0]);
    assertEquals(places, ["core/a_test.ts:2", "core/a_test.ts:3"]);
  });

  it("lets pass another turn, a wait with its reason, and what is no test", () => {
    const turn = "await new Promise((resolve) => setTimeout(resolve, 0));";
    const reason = `// clock: links break at any time\n${wait}`;
    assertEquals(clockProblems("core/a_test.ts", `${turn}\n${reason}`), []);
    assertEquals(clockProblems("core/a_test.ts", `// clock:\n${wait}`).length, 1, "no reason");
    assertEquals(clockProblems("functions/tests/proxy.ts", wait), []);
  });
});
