import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createScheduler, namesOf, schedulerFiles } from "./mod.ts";

describe("namesOf()", () => {
  it("names class and options after the package", () => {
    assertEquals(namesOf("@you/scheduler-cosine-euler"), {
      packageName: "@you/scheduler-cosine-euler",
      className: "CosineEulerScheduler",
      configName: "CosineEulerConfig",
    });
    assertEquals(namesOf("@you/heun3").className, "Heun3Scheduler");
  });

  it("refuses what JSR does not take", () => {
    for (const name of ["euler", "@you/", "@You/x", "@you/../x", "@you/scheduler", "@you/a b"]) {
      assertThrows(() => namesOf(name), SyntaxError, "Cannot name");
    }
  });
});

describe("createScheduler()", () => {
  it("writes the package and never over something", async () => {
    const folder = await Deno.makeTempDir();
    const paths = await createScheduler("@you/scheduler-foo", `${folder}/foo`);
    assertEquals(paths.length, Object.keys(schedulerFiles("@you/scheduler-foo")).length);
    const text = await Deno.readTextFile(`${folder}/foo/mod.ts`);
    assertStringIncludes(text, "export const FooScheduler");
    await assertRejects(
      () => createScheduler("@you/scheduler-foo", `${folder}/foo`),
      Deno.errors.AlreadyExists,
      "name another folder",
    );
    await Deno.remove(folder, { recursive: true });
  });
});
