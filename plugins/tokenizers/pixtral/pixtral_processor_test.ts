import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import type { ChatMessage } from "@denoise/roles";
import { PixtralProcessor, TokenizersBackend } from "./mod.ts";
import { testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const load = (name: string) => PixtralProcessor.fromPretrained(new URL(name, FIXTURES));

testTokenizer(PixtralProcessor, golden, (name) => new URL(name, FIXTURES), 12);
testTokenizer(TokenizersBackend, golden, (name) => new URL(name, FIXTURES), 12);

for (const [name, expected] of Object.entries(golden.tokenizers)) {
  describe(`PixtralProcessor.applyChatTemplate() on ${name}`, () => {
    it("makes the texts of chats that transformers makes", async () => {
      const tokenizer = await load(name);
      assertEquals(tokenizer.bosToken, "<s>");
      const chats = golden.chats.map(({ messages, add_generation_prompt = false }) =>
        tokenizer.applyChatTemplate(messages as ChatMessage[], {
          addGenerationPrompt: add_generation_prompt,
        })
      );
      assertEquals(chats, expected.chats);
    });

    it("writes the template too, and what prepares images", async () => {
      const tokenizer = await load(name);
      await withFolder({}, async (folder) => {
        await tokenizer.savePretrained(folder);
        const again = await PixtralProcessor.fromPretrained(folder);
        const chat = [{ role: "user", content: "a red apple" }];
        assertEquals(again.applyChatTemplate(chat), tokenizer.applyChatTemplate(chat));
        await Deno.stat(`${folder}/preprocessor_config.json`);
        await Deno.stat(`${folder}/processor_config.json`);
      });
    });
  });
}

describe("PixtralProcessor", () => {
  it("refuses roles that the template does not know", async () => {
    const tokenizer = await load("mistral");
    assertThrows(
      () => tokenizer.applyChatTemplate([{ role: "tool", content: "a" }]),
      Error,
      "Only user",
    );
  });

  it("says which file a folder lacks", async () => {
    await withFolder({ "tekken.json": "{}" }, async (folder) => {
      const error = await assertRejects(
        () => PixtralProcessor.fromPretrained(folder),
        DenoiseError,
      );
      assertEquals(error.code, "missing_file");
      assertEquals(error.message.includes("it has no tokenizer.json"), true, error.message);
    });
  });

  it("refuses steps that it does not know, by their names", async () => {
    const file = new URL("mistral/tokenizer.json", FIXTURES);
    const whole = JSON.parse(await Deno.readTextFile(file));
    const cases = [
      [{ ...whole, normalizer: { type: "NFKC" } }, "normalizer"],
      [{ ...whole, pre_tokenizer: { type: "Metaspace", replacement: "▁" } }, "Metaspace"],
      [{ ...whole, pre_tokenizer: null }, "pre_tokenizer"],
    ] as const;
    for (const [json, named] of cases) {
      await withFolder({ "tokenizer.json": JSON.stringify(json) }, async (folder) => {
        const error = await assertRejects(
          () => PixtralProcessor.fromPretrained(folder),
          DenoiseError,
        );
        assertEquals([error.code, error.message.includes(named)], ["unsupported_option", true]);
      });
    }
  });
});
