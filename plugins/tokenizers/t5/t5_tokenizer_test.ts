import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import fc from "fast-check";
import { T5Tokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };
import { assertLinear } from "../../../tests/support/work.ts";

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const spiece = await T5Tokenizer.fromPretrained(new URL("t5-spiece", FIXTURES));
const PIECES: [string, number][] = [
  ["<pad>", 0],
  ["</s>", 0],
  ["<unk>", 0],
  ["▁red", -2],
  ["▁app", -3],
  ["le", -4],
  ["▁", -5],
];

testTokenizer(T5Tokenizer, golden, (name) => new URL(name, FIXTURES));

describe("T5Tokenizer.encode()", () => {
  const tokenizer = T5Tokenizer.fromPieces(PIECES, { modelMaxLength: 5 });

  it("ends any text with </s> and stays inside the vocabulary", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
    fc.assert(fc.property(text, (text) => {
      const row = rowsOf(spiece.encode(text).inputIds)[0]!;
      assertEquals(row.at(-1), 1);
      assert(row.every((id) => Number.isInteger(id) && id >= 0 && id < spiece.size));
    }));
  });

  it("takes the most likely pieces, and one <unk> for unknown characters in a row", () => {
    const { inputIds, attentionMask } = tokenizer.encode(["red apple", "日本"], {
      padding: "longest",
    });
    assertEquals(rowsOf(inputIds), [[3, 4, 5, 1], [6, 2, 1, 0]]);
    assertEquals(rowsOf(attentionMask), [[1, 1, 1, 1], [1, 1, 1, 0]]);
    assertEquals(inputIds.dtype, "int64");
  });

  it("throws on what cannot be a row", () => {
    assertThrows(() => tokenizer.encode("a", { maxLength: 0 }), RangeError, "integer from 1");
    assertThrows(() => tokenizer.encode(["red", "red red"]), RangeError, 'padding: "longest"');
    assertThrows(() => tokenizer.encode("a".repeat(65_537)), RangeError, "65537 characters");
    assertThrows(() => tokenizer.encode([5 as unknown as string]), TypeError, "give a string");
    const endless = T5Tokenizer.fromPieces(PIECES);
    assertThrows(() => endless.encode("red", { padding: "max_length" }), RangeError, "maxLength");
  });

  it("does work for a text as it is long, not as its square", () => {
    assertLinear(1_000, 60, (length) => spiece.encode("x".repeat(length)));
    assertLinear(1_000, 60, (length) => spiece.encode("a red apple ".repeat(length / 12)));
  });
});

describe("T5Tokenizer.batchDecode()", () => {
  it("takes one row or several, and refuses other shapes", () => {
    const ids = spiece.encode(["a red", "horse riding"], { padding: "longest" }).inputIds;
    const options = { skipSpecialTokens: true };
    assertEquals(spiece.batchDecode(ids, options), ["a red", "horse riding"]);
    assertEquals(spiece.batchDecode(ids.select(0, 0), options), ["a red"]);
    assertThrows(() => spiece.batchDecode(Tensor.zeros([1, 1, 1], "int64")), TypeError);
  });
});

describe("T5Tokenizer.savePretrained()", () => {
  it("writes a folder that gives the same ids, from files and from pieces", async () => {
    for (const tokenizer of [spiece, T5Tokenizer.fromPieces(PIECES, { extraIds: 2 })]) {
      await withFolder({}, async (folder) => {
        await tokenizer.savePretrained(folder);
        const again = await T5Tokenizer.fromPretrained(folder);
        assertEquals(again.modelMaxLength, tokenizer.modelMaxLength);
        for (const text of golden.texts) {
          assertEquals(
            rowsOf(again.encode(text).inputIds),
            rowsOf(tokenizer.encode(text).inputIds),
          );
        }
      });
    }
  });
});

describe("T5Tokenizer.fromPretrained()", () => {
  const refused = async (files: Record<string, string | Uint8Array>, message: string) => {
    let code = "";
    await withFolder(files, async (folder) => {
      const load = () => T5Tokenizer.fromPretrained(folder);
      ({ code } = await assertRejects(load, DenoiseError, message));
    });
    return code;
  };

  it("names the file that is missing", async () => {
    assertEquals(await refused({}, "tokenizer.json, or spiece.model"), "missing_file");
  });

  it("refuses broken files", async () => {
    const json = (model: unknown, normalizer: unknown = null) => ({
      "tokenizer.json": JSON.stringify({ model, normalizer, added_tokens: [] }),
    });
    const precompiled = (text: string) => ({ type: "Precompiled", precompiled_charsmap: text });
    const cases: [Record<string, string | Uint8Array>, string][] = [
      [{ "tokenizer.json": "{" }, "not valid JSON"],
      [json({ vocab: { a: 0 } }), "must be Unigram"],
      [json({ vocab: [["a", 0], ["b", 0]] }), "must be Unigram"],
      [json({ vocab: PIECES }, precompiled("%")), "no base64"],
      [json({ vocab: PIECES }, precompiled("////")), "normalization is broken"],
      [{ "spiece.model": Uint8Array.of(10, 200, 1, 2) }, "no SentencePiece model"],
      [{ "spiece.model": Uint8Array.of(18, 2, 24, 2) }, "of type 2"],
      [{ "spiece.model": new Uint8Array() }, "must be Unigram"],
    ];
    for (const [files, message] of cases) {
      assertEquals(await refused(files, message), "invalid_config", message);
    }
  });
});
