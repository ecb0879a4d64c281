/**
 * Captions against those that diffusers cleans, and what is said of text in another encoding.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cleanCaption } from "@denoise/captions";
import golden from "./testdata/captions.json" with { type: "json" };

const cases = golden.cases as unknown as readonly (readonly [string, string | null])[];

describe("cleanCaption()", () => {
  it(`gives the ${cases.length} captions of ${golden.made_with}`, () => {
    let told = 0;
    for (const [text, wanted] of cases) {
      const said: string[] = [];
      const cleaned = cleanCaption(text, (message) => said.push(message));
      if (wanted === null) told++;
      else if (said.length === 0) assertEquals(cleaned, wanted, text);
    }
    assert(told < 20, `${told}`);
  });

  it("leaves text in another encoding as it is, and tells of it", () => {
    const said: string[] = [];
    const cleaned = cleanCaption("It\u00e2\u20ac\u0153s", (message) => said.push(message));
    assertEquals(cleaned, "it\u00e2\u20ac\u0153s");
    assertEquals(said.length, 1);
    assertStringIncludes(said[0]!, "looks as if it was read in another encoding");
    cleanCaption("Ein schöner Tag", (message) => said.push(message));
    assertEquals(said.length, 1);
  });
});
