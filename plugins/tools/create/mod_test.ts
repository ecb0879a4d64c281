import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createPackage, KINDS, namesOf, packageFiles } from "./mod.ts";

describe("namesOf()", () => {
  it("names class and options after the package", () => {
    assertEquals(namesOf("@you/scheduler-cosine-euler"), {
      packageName: "@you/scheduler-cosine-euler",
      kind: "scheduler",
      className: "CosineEulerScheduler",
      stem: "CosineEuler",
    });
    assertEquals(namesOf("@you/heun3").className, "Heun3Scheduler");
    assertEquals(namesOf("@you/pipeline-two-seeds").className, "TwoSeedsPipeline");
    assertEquals(namesOf("@you/tiny-model").className, "TinyModel");
    assertEquals(namesOf("@you/tiny", "model").className, "TinyModel");
  });

  it("refuses what JSR does not take", () => {
    for (const name of ["euler", "@you/", "@You/x", "@you/../x", "@you/scheduler", "@you/a b"]) {
      assertThrows(() => namesOf(name), SyntaxError, "Cannot name");
    }
  });
});

describe("createPackage()", () => {
  it("writes a package of each kind, and never over something", async () => {
    const folder = await Deno.makeTempDir();
    for (const kind of KINDS) {
      const name = `@you/${kind}-foo`;
      const target = { folder: `${folder}/${kind}` };
      const paths = await createPackage(name, target);
      assertEquals(paths.length, Object.keys(packageFiles(name)).length);
      const text = await Deno.readTextFile(`${folder}/${kind}/mod.ts`);
      assertStringIncludes(text, `export const ${namesOf(name).className}`);
      const again = () => createPackage(name, target);
      await assertRejects(again, Deno.errors.AlreadyExists, "name another folder");
    }
    await Deno.remove(folder, { recursive: true });
  });
});
