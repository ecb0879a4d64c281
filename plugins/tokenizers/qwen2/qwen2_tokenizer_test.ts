import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError, type Tensor } from "@denoise/core";
import { Qwen2Tokenizer } from "./mod.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const load = (name: string) => Qwen2Tokenizer.fromPretrained(new URL(name, FIXTURES));

function rowsOf(tensor: Tensor): number[][] {
  return tensor.toNested() as number[][];
}

for (const [name, expected] of Object.entries(golden.tokenizers)) {
  describe(`Qwen2Tokenizer on ${name}`, () => {
    it("gives the ids of transformers", async () => {
      const tokenizer = await load(name);
      assertEquals(tokenizer.size, expected.size);
      golden.texts.forEach((text, i) => {
        const { inputIds } = tokenizer.encode(text);
        assertEquals(Array.from(inputIds.data, Number), expected.ids[i], JSON.stringify(text));
      });
    });

    it("pads and truncates as transformers", async () => {
      const tokenizer = await load(name);
      const texts = golden.texts.slice(0, expected.padded.length);
      const options = { padding: "max_length", truncation: true, maxLength: 12 } as const;
      const { inputIds, attentionMask } = tokenizer.encode(texts, options);
      assertEquals(rowsOf(inputIds), expected.padded);
      assertEquals(rowsOf(attentionMask), expected.mask);
    });

    it("decodes as transformers", async () => {
      const tokenizer = await load(name);
      assertEquals(expected.ids.map((row) => tokenizer.decode(row)), expected.decoded);
      const skipped = expected.ids.map((row) => tokenizer.decode(row, { skipSpecialTokens: true }));
      assertEquals(skipped, expected.skipped);
      assertEquals(expected.rows.map((row) => tokenizer.decode(row)), expected.decodedRows);
    });

    it("makes the texts of chats that transformers makes", async () => {
      const tokenizer = await load(name);
      const chats = golden.chats.map(({ messages, add_generation_prompt, ...variables }) =>
        tokenizer.applyChatTemplate(messages, {
          addGenerationPrompt: add_generation_prompt,
          variables,
        })
      );
      assertEquals(chats, expected.chats);
    });

    it("writes a folder that gives the same ids and chats", async () => {
      const tokenizer = await load(name);
      const folder = await Deno.makeTempDir();
      await tokenizer.savePretrained(folder);
      const again = await Qwen2Tokenizer.fromPretrained(folder);
      const text = again.applyChatTemplate([{ role: "user", content: "a red apple" }]);
      assertEquals(text, tokenizer.applyChatTemplate([{ role: "user", content: "a red apple" }]));
      assertEquals(rowsOf(again.encode(text).inputIds), rowsOf(tokenizer.encode(text).inputIds));
      await Deno.remove(folder, { recursive: true });
    });
  });
}

describe("Qwen2Tokenizer", () => {
  it("refuses what cannot be a row, and folders without its files", async () => {
    const tokenizer = await load("qwen2");
    assertThrows(() => tokenizer.encode("a", { maxLength: 0 }), RangeError, "integer from 1");
    assertThrows(() => tokenizer.encode([5 as unknown as string]), TypeError, "give a string");
    const folder = await Deno.makeTempDir();
    const missing = () => Qwen2Tokenizer.fromPretrained(folder);
    await assertRejects(missing, DenoiseError, "vocab.json and merges.txt, or tokenizer.json");
    await Deno.remove(folder);
  });

  it("reads a long text in little time", async () => {
    const tokenizer = await load("qwen2");
    const began = performance.now();
    tokenizer.encode("x".repeat(60_000));
    // under a second on two cores; work that grows with the square of the length takes minutes
    assert(performance.now() - began < 20_000);
  });
});
