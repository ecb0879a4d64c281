import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError, type PluginClass, Registry, Tensor } from "@denoise/core";
import fc from "fast-check";
import { BertTokenizer } from "./mod.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const TESTDATA = new URL("testdata/", import.meta.url);
const uncased = await BertTokenizer.fromPretrained(new URL("uncased", TESTDATA));

function rowsOf(tensor: Tensor): number[][] {
  return tensor.toNested() as number[][];
}

async function withFolder(
  files: Record<string, string>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, wanted] of Object.entries(golden.tokenizers)) {
  describe(`BertTokenizer on ${name}`, () => {
    it("gives the ids of transformers", async () => {
      const tokenizer = await BertTokenizer.fromPretrained(new URL(name, TESTDATA));
      assertEquals(tokenizer.size, wanted.size);
      const ids = golden.texts.map((text) => rowsOf(tokenizer.encode(text).inputIds)[0]);
      for (const [i, text] of golden.texts.entries()) {
        assertEquals(ids[i], wanted.ids[i], JSON.stringify(text));
      }
    });

    it("pads and truncates as transformers", async () => {
      const tokenizer = await BertTokenizer.fromPretrained(new URL(name, TESTDATA));
      const texts = golden.texts.slice(0, wanted.padded.length);
      const { inputIds, attentionMask } = tokenizer.encode(texts, {
        padding: "max_length",
        truncation: true,
      });
      assertEquals(rowsOf(inputIds), wanted.padded);
      assertEquals(rowsOf(attentionMask), wanted.mask);
    });

    it("decodes as transformers", async () => {
      const tokenizer = await BertTokenizer.fromPretrained(new URL(name, TESTDATA));
      assertEquals(wanted.ids.map((row) => tokenizer.decode(row)), wanted.decoded);
      assertEquals(
        wanted.ids.map((row) => tokenizer.decode(row, { skipSpecialTokens: true })),
        wanted.skipped,
      );
      assertEquals(wanted.rows.map((row) => tokenizer.decode(row)), wanted.decodedRows);
    });
  });
}

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

  it("is a plugin class that a registry takes", async () => {
    const plugin: PluginClass<BertTokenizer> = BertTokenizer;
    const registry = new Registry({ plugins: [plugin] });
    assertEquals(await registry.get("BertTokenizerFast", "tokenizer"), plugin);
    const bound = BertTokenizer.using(registry);
    const error = await assertRejects(() => bound.fromPretrained("nobody/nothing"), DenoiseError);
    assertEquals(error.code, "missing_file");
  });
});
