import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { Qwen2Tokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };
import { assertLinear } from "../../../tests/support/work.ts";

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const load = (name: string) => Qwen2Tokenizer.fromPretrained(new URL(name, FIXTURES));

testTokenizer(Qwen2Tokenizer, golden, (name) => new URL(name, FIXTURES), 12);

for (const [name, expected] of Object.entries(golden.tokenizers)) {
  describe(`Qwen2Tokenizer.applyChatTemplate() on ${name}`, () => {
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

    it("writes the template too", async () => {
      const tokenizer = await load(name);
      await withFolder({}, async (folder) => {
        await tokenizer.savePretrained(folder);
        const again = await Qwen2Tokenizer.fromPretrained(folder);
        const chat = [{ role: "user", content: "a red apple" }];
        assertEquals(again.applyChatTemplate(chat), tokenizer.applyChatTemplate(chat));
      });
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

  it("puts around a text what the template of tokenizer.json says, as Qwen3's embedding models do", async () => {
    const folder = new URL("qwen2-json/", FIXTURES);
    const read = async (name: string) => JSON.parse(await Deno.readTextFile(new URL(name, folder)));
    const [whole, config] = [await read("tokenizer.json"), await read("tokenizer_config.json")];
    const { id } = whole.added_tokens.find(({ content }: { content: string }) =>
      content === "<|endoftext|>"
    );
    const single = [{ Sequence: { id: "A", type_id: 0 } }, {
      SpecialToken: { id: "<|endoftext|>", type_id: 0 },
    }];
    whole.post_processor = {
      type: "Sequence",
      processors: [{ type: "ByteLevel" }, { type: "TemplateProcessing", single }],
    };
    const files = {
      "tokenizer.json": JSON.stringify(whole),
      "tokenizer_config.json": JSON.stringify({ ...config, add_bos_token: false }),
    };
    const plain = await load("qwen2-json");
    await withFolder(files, async (path) => {
      const tokenizer = await Qwen2Tokenizer.fromPretrained(path);
      const ids = (options = {}) => rowsOf(tokenizer.encode("a red apple", options).inputIds)[0]!;
      const bare = rowsOf(plain.encode("a red apple").inputIds)[0]!;
      assertEquals(ids(), [...bare, id]);
      assertEquals(ids({ addSpecialTokens: false }), bare);
      assertEquals(ids({ truncation: true, maxLength: 3 }), [...bare.slice(0, 2), id]);
    });
  });

  it("does work for a text as it is long, not as its square", async () => {
    const tokenizer = await load("qwen2");
    assertLinear(1_000, 60, (length) => tokenizer.encode("x".repeat(length)));
  });
});
