import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { LlamaTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);
const load = (name: string) => LlamaTokenizer.fromPretrained(new URL(name, FIXTURES));

testTokenizer(LlamaTokenizer, golden, (name) => new URL(name, FIXTURES), 12);

describe("LlamaTokenizer", () => {
  it("puts a space before the stretches of a text that the files say", async () => {
    const firstToken = async (name: string, text: string) => {
      const tokenizer = await load(name);
      const [row = []] = rowsOf(tokenizer.encode(text, { addSpecialTokens: false }).inputIds);
      return tokenizer.idToToken(row.at(-1)!);
    };
    assertEquals(await firstToken("llama-t5", "a"), "▁a");
    assertEquals(await firstToken("llama-bare", "a"), "a");
    assertEquals(await firstToken("llama-t5", "<extra_id_0>a"), "a");
    assertEquals(await firstToken("llama-legacy", "<extra_id_0>a"), "▁a");
  });

  it("refuses a folder with a SentencePiece model alone, and says what it needs", async () => {
    await withFolder({ "tokenizer.model": "" }, async (path) => {
      const error = await assertRejects(() => LlamaTokenizer.fromPretrained(path), DenoiseError);
      assertEquals(error.code, "missing_file");
      assertEquals(error.message.includes("tokenizer.json"), true, error.message);
    });
  });

  it("says that Mistral's own file is none that it reads", async () => {
    await withFolder({ "tekken.json": "{}" }, async (path) => {
      const error = await assertRejects(() => LlamaTokenizer.fromPretrained(path), DenoiseError);
      assertEquals(error.code, "missing_file");
      assertEquals(error.message.includes("tekken.json, which is there"), true, error.message);
    });
  });
});
