import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import fc from "fast-check";
import { BertTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const TESTDATA = new URL("testdata/", import.meta.url);
const uncased = await BertTokenizer.fromPretrained(new URL("uncased", TESTDATA));

testTokenizer(BertTokenizer, golden, (name) => new URL(name, TESTDATA));

describe("BertTokenizer.encode()", () => {
  it("frames any text with the two special tokens and stays inside the vocabulary", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      const [row] = rowsOf(uncased.encode(text).inputIds);
      assertEquals([row!.at(0), row!.at(-1)], [2, 3]);
      assert(row!.every((id) => id >= 0 && id < uncased.size));
    }));
  });

  it("throws on what is no text, and on a row without room", () => {
    assertThrows(() => uncased.encode([5 as unknown as string]), TypeError, "Cannot encode number");
    assertThrows(() => uncased.encode("a", { maxLength: 1 }), RangeError, "rows of 1 tokens");
    assertThrows(() => uncased.encode("a".repeat(70_000)), RangeError, "at most 65536");
  });
});

describe("BertTokenizer.batchDecode()", () => {
  it("takes one row or several, and throws on other shapes", () => {
    const { inputIds } = uncased.encode(["a cat", "the dog"], { padding: "longest" });
    const texts = uncased.batchDecode(inputIds, { skipSpecialTokens: true });
    assertEquals(uncased.batchDecode(inputIds.slice(0, 0, 1).squeeze(0)).length, 1);
    assertEquals(texts.length, 2);
    assertThrows(() => uncased.batchDecode(Tensor.zeros([1, 1, 1])), TypeError, "[N, tokens]");
  });
});

describe("BertTokenizer.savePretrained()", () => {
  it("writes a folder that gives the same ids", async () => {
    const made = BertTokenizer.fromVocabulary(
      Object.fromEntries(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b"].map((t, i) => [t, i])),
      { modelMaxLength: 8, doLowerCase: false },
    );
    for (const tokenizer of [uncased, made]) {
      const folder = await Deno.makeTempDir();
      await tokenizer.savePretrained(folder);
      const again = await BertTokenizer.fromPretrained(folder);
      assertEquals(again.modelMaxLength, tokenizer.modelMaxLength);
      const rows = (one: BertTokenizer) => rowsOf(one.encode("ab Ab A").inputIds);
      assertEquals(rows(again), rows(tokenizer));
      await Deno.remove(folder, { recursive: true });
    }
  });
});

describe("BertTokenizer.fromPretrained()", () => {
  it("names the file that is missing", async () => {
    await withFolder({}, async (folder) => {
      const error = await assertRejects(() => BertTokenizer.fromPretrained(folder), DenoiseError);
      assertEquals(error.code, "missing_file");
      assert(error.message.includes("has no vocab.txt (it needs vocab.txt, or tokenizer.json)"));
    });
  });

  it("refuses a vocabulary that makes no sense", async () => {
    const files = { "tokenizer.json": JSON.stringify({ model: { vocab: { a: -1 } } }) };
    await withFolder(files, async (folder) => {
      const error = await assertRejects(() => BertTokenizer.fromPretrained(folder), DenoiseError);
      assertEquals(error.code, "invalid_config");
    });
  });
});
