import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { GemmaTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

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

  it("reads a long text in little time", async () => {
    const tokenizer = await load("gemma");
    const began = performance.now();
    tokenizer.encode("x".repeat(60_000));
    // under a second on two cores; work that grows with the square of the length takes minutes
    assert(performance.now() - began < 20_000);
  });
});
