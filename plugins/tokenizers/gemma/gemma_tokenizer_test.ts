import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { GemmaTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };
import { assertLinear } from "../../../tests/support/work.ts";

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const load = (name: string) => GemmaTokenizer.fromPretrained(new URL(name, FIXTURES));

testTokenizer(GemmaTokenizer, golden, (name) => new URL(name, FIXTURES), 12);

describe("GemmaTokenizer", () => {
  it("fills rows up on the side that a call says", async () => {
    const tokenizer = await load("gemma");
    const row = (paddingSide?: "left" | "right") =>
      rowsOf(
        tokenizer.encode("a", { padding: "max_length", maxLength: 4, paddingSide }).attentionMask,
      )[0];
    assertEquals(row(), [0, 0, 1, 1]); // <bos> and the letter
    assertEquals(row("right"), [1, 1, 0, 0]);
  });

  it("refuses folders without its files, and other tokens around a text", async () => {
    const folder = new URL("gemma/", FIXTURES);
    const whole = JSON.parse(await Deno.readTextFile(new URL("tokenizer.json", folder)));
    const [first] = whole.post_processor.single;
    whole.post_processor.single.push(first);
    await withFolder({ "tokenizer.json": JSON.stringify(whole) }, async (path) => {
      const error = await assertRejects(() => GemmaTokenizer.fromPretrained(path), DenoiseError);
      assertEquals(error.code, "unsupported_option");
    });
    await withFolder({}, async (path) => {
      await assertRejects(() => GemmaTokenizer.fromPretrained(path), DenoiseError, "it needs");
    });
  });

  it("does work for a text as it is long, not as its square", async () => {
    const tokenizer = await load("gemma");
    assertLinear(1_000, 60, (length) => tokenizer.encode("x".repeat(length)));
  });
});
