import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import fc from "fast-check";
import { CLIPTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const FOLDERS: Record<string, URL> = {
  "clip-77": new URL("clip-77", FIXTURES),
  "clip-16": new URL("clip-16", FIXTURES),
  "saved": new URL("testdata/saved", import.meta.url),
};
const clip77 = await CLIPTokenizer.fromPretrained(FOLDERS["clip-77"]!);
const clip16 = await CLIPTokenizer.fromPretrained(FOLDERS["clip-16"]!);

testTokenizer(CLIPTokenizer, golden, (name) => FOLDERS[name]!);

describe("CLIPTokenizer.encode()", () => {
  it("gives int64 rows as long as the longest text", () => {
    const { inputIds } = clip77.encode(["a red apple", "cat"], { padding: "longest" });
    assertEquals([inputIds.dtype, inputIds.dims[0]], ["int64", 2]);
    const alone = clip77.encode("a red apple").inputIds;
    assertEquals(inputIds.select(0, 0).equals(alone.select(0, 0)), true);
  });

  it("gives a text the same row alone and in a batch", () => {
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 30 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(fc.property(texts, (batch) => {
      const options = { padding: "max_length", truncation: true } as const;
      const together = rowsOf(clip16.encode(batch, options).inputIds);
      const alone = batch.map((text) => rowsOf(clip16.encode(text, options).inputIds)[0]);
      assertEquals(together, alone);
    }));
  });

  it("frames any text with the two special tokens and stays inside the vocabulary", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
    fc.assert(fc.property(text, (text) => {
      const row = rowsOf(clip77.encode(text).inputIds)[0]!;
      assertEquals([row[0], row.at(-1)], [632, 633]);
      assert(row.every((id) => Number.isInteger(id) && id >= 0 && id < clip77.size));
    }));
  });

  it("fills up on the left when the files say so", async () => {
    const vocab = { "a</w>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2 };
    const files = {
      "vocab.json": JSON.stringify(vocab),
      "merges.txt": "#version: 0.2\n",
      "tokenizer_config.json": JSON.stringify({ padding_side: "left", model_max_length: 5 }),
    };
    await withFolder(files, async (folder) => {
      const tokenizer = await CLIPTokenizer.fromPretrained(folder);
      const { inputIds, attentionMask } = tokenizer.encode("a", { padding: "max_length" });
      assertEquals(rowsOf(inputIds), [[2, 2, 1, 0, 2]]);
      assertEquals(rowsOf(attentionMask), [[0, 0, 1, 1, 1]]);
    });
  });

  it("throws on rows of several lengths without padding", () => {
    const error = assertThrows(() => clip77.encode(["a", "a red apple"]), RangeError);
    assert(error.message.includes('padding: "longest"'));
  });

  it("throws on texts above 65,536 characters", () => {
    assertThrows(() => clip77.encode("a".repeat(65_537)), RangeError, "65537 characters");
  });

  it("throws on a row without room for the special tokens", () => {
    assertThrows(() => clip77.encode("a", { maxLength: 1 }), RangeError, "maxLength");
  });

  it("throws on what is no text", () => {
    assertThrows(() => clip77.encode([1 as unknown as string]), TypeError, "give a string");
  });
});

describe("CLIPTokenizer.encode() with truncation", () => {
  it("says what a row leaves out", () => {
    const text = "a photo of " + "red apple ".repeat(12) + "on blue";
    const { inputIds, removed } = clip16.encode([text, "cat"], {
      padding: "max_length",
      truncation: true,
    });
    assertEquals(removed[1], []);
    const [kept] = clip16.batchDecode(inputIds, { skipSpecialTokens: true });
    assertEquals(
      `${kept} ${clip16.decode(removed[0]!)}`.replaceAll(" ", ""),
      text.replaceAll(" ", ""),
    );
  });
});

describe("CLIPTokenizer.batchDecode()", () => {
  it("takes one row or several", () => {
    const ids = clip77.encode(["a cat", "the dog"], { padding: "longest" }).inputIds;
    assertEquals(clip77.batchDecode(ids, { skipSpecialTokens: true }), ["a cat", "the dog"]);
    assertEquals(clip77.batchDecode(ids.select(0, 1), { skipSpecialTokens: true }), ["the dog"]);
  });

  it("gives back lower-case words", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 10 });
    fc.assert(fc.property(words, (words) => {
      const ids = clip77.encode(words.join(" ")).inputIds;
      assertEquals(clip77.batchDecode(ids, { skipSpecialTokens: true }), [words.join(" ")]);
    }));
  });

  it("throws on other shapes", () => {
    assertThrows(() => clip77.batchDecode(Tensor.zeros([1, 1, 1], "int64")), TypeError);
  });
});

describe("CLIPTokenizer.withTokens()", () => {
  it("adds tokens that stay whole, behind the others", () => {
    const more = clip77.withTokens(["<cat-toy>"]);
    assertEquals([more.size, more.tokenToId("<cat-toy>")], [clip77.size + 1, 634]);
    assertEquals(rowsOf(more.encode("<cat-toy>").inputIds), [[632, 634, 633]]);
    assertEquals(clip77.tokenToId("<cat-toy>"), undefined);
  });
});

describe("CLIPTokenizer.savePretrained()", () => {
  it("writes what was made from a vocabulary", async () => {
    const vocab = { "a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4 };
    const tokenizer = CLIPTokenizer.fromVocabulary(vocab, [["a", "b</w>"]], { modelMaxLength: 9 });
    await withFolder({}, async (folder) => {
      await tokenizer.savePretrained(folder);
      const again = await CLIPTokenizer.fromPretrained(folder);
      assertEquals(rowsOf(again.encode("ab").inputIds), [[3, 2, 4]]);
      assertEquals(again.modelMaxLength, 9);
    });
  });
});

describe("CLIPTokenizer.fromPretrained()", () => {
  it("names the file that is missing", async () => {
    const error = await assertRejects(
      () => CLIPTokenizer.fromPretrained(new URL("testdata", import.meta.url)),
      DenoiseError,
      "vocab.json",
    );
    assertEquals(error.code, "missing_file");
    await withFolder({ "vocab.json": "{}" }, async (folder) => {
      await assertRejects(() => CLIPTokenizer.fromPretrained(folder), DenoiseError, "merges.txt");
    });
  });

  it("refuses a vocabulary and merges that make no sense", async () => {
    await withFolder({ "vocab.json": '{"a": "b"}', "merges.txt": "" }, async (folder) => {
      const error = await assertRejects(() => CLIPTokenizer.fromPretrained(folder), DenoiseError);
      assertEquals(error.code, "invalid_config");
    });
    await withFolder({ "vocab.json": "{}", "merges.txt": "a b c" }, async (folder) => {
      await assertRejects(() => CLIPTokenizer.fromPretrained(folder), DenoiseError, "a b c");
    });
  });
});
