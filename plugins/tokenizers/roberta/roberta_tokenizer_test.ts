import { describe, it } from "@std/testing/bdd";
import { assertRejects, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { RobertaTokenizer } from "./mod.ts";
import { testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);

testTokenizer(RobertaTokenizer, golden, (name) => new URL(name, FIXTURES), 12);

describe("RobertaTokenizer", () => {
  it("refuses what cannot be a row, folders without its files, and a space before texts", async () => {
    const tokenizer = await RobertaTokenizer.fromPretrained(new URL("roberta", FIXTURES));
    assertThrows(() => tokenizer.encode("a", { maxLength: 1 }), RangeError, "maxLength");
    await withFolder({}, async (folder) => {
      const missing = () => RobertaTokenizer.fromPretrained(folder);
      await assertRejects(missing, DenoiseError, "vocab.json and merges.txt, or tokenizer.json");
    });
    const files = {
      "vocab.json": '{"a": 0}',
      "merges.txt": "",
      "tokenizer_config.json": '{"add_prefix_space": true}',
    };
    await withFolder(files, async (folder) => {
      const refused = () => RobertaTokenizer.fromPretrained(folder);
      await assertRejects(refused, DenoiseError, "add_prefix_space");
    });
  });
});
