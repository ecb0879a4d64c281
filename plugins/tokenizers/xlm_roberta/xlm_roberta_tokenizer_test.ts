import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { XLMRobertaTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);

testTokenizer(XLMRobertaTokenizer, golden, (name) => new URL(name, FIXTURES), 12);

describe("XLMRobertaTokenizer", () => {
  it("puts a text between <s> and </s>, and refuses rows with no room for both", async () => {
    const tokenizer = await XLMRobertaTokenizer.fromPretrained(new URL("xlm-roberta", FIXTURES));
    assertEquals(rowsOf(tokenizer.encode("").inputIds), [[0, 2]]);
    const { inputIds, attentionMask } = tokenizer.encode("", {
      padding: "max_length",
      maxLength: 4,
    });
    assertEquals(rowsOf(inputIds), [[0, 2, 1, 1]]);
    assertEquals(rowsOf(attentionMask), [[1, 1, 0, 0]]);
    assertThrows(() => tokenizer.encode("a", { maxLength: 1 }), RangeError, "maxLength");
  });

  it("names a missing file and refuses what it cannot read", async () => {
    const refused = (files: Record<string, string | Uint8Array>, message: string) =>
      withFolder(files, async (folder) => {
        const load = () => XLMRobertaTokenizer.fromPretrained(folder);
        await assertRejects(load, DenoiseError, message);
      });
    await refused({}, "tokenizer.json, or sentencepiece.bpe.model");
    await refused({ "sentencepiece.bpe.model": Uint8Array.of(18, 2, 24, 2) }, "of type 2");
    const vocab = [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁a", -1]];
    await refused({
      "tokenizer.json": JSON.stringify({ model: { vocab: vocab.slice(0, 3) } }),
    }, "whose piece 3 stands for unknown text");
    await refused({
      "tokenizer.json": JSON.stringify({ model: { vocab } }),
      "tokenizer_config.json": '{"add_prefix_space": false}',
    }, "add_prefix_space");
  });
});
