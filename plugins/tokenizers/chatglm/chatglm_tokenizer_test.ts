import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import { ChatGLMTokenizer } from "./mod.ts";
import { rowsOf, testTokenizer, withFolder } from "../../../tests/support/tokenizers.ts";
import { assertLinear } from "../../../tests/support/work.ts";
import golden from "./testdata/ids.json" with { type: "json" };

const FIXTURES = new URL("../../../tests/fixtures/tokenizers/", import.meta.url);

testTokenizer(ChatGLMTokenizer, golden, (name) => new URL(name, FIXTURES), 12);

describe("ChatGLMTokenizer", () => {
  const load = () => ChatGLMTokenizer.fromPretrained(new URL("chatglm", FIXTURES));

  it("begins rows with [gMASK] and sop, and fills them up on the left", async () => {
    const tokenizer = await load();
    const start = ["[gMASK]", "sop"].map((token) => tokenizer.tokenToId(token)!);
    const { inputIds, attentionMask } = tokenizer.encode("", {
      padding: "max_length",
      maxLength: 4,
    });
    assertEquals(rowsOf(inputIds), [[0, 0, ...start]]);
    assertEquals(rowsOf(attentionMask), [[0, 0, 1, 1]]);
    assertThrows(() => tokenizer.encode("a", { maxLength: 1 }), RangeError, "maxLength");
  });

  it("does work for a text as it is long, not as its square", async () => {
    const tokenizer = await load();
    assertLinear(1_000, 60, (length) => tokenizer.encode("a".repeat(length)));
    assertLinear(1_000, 60, (length) => tokenizer.encode("一只红色的猫 cat ".repeat(length / 12)));
  });

  it("names a missing file and refuses what it cannot read", async () => {
    const refused = (files: Record<string, string | Uint8Array>, message: string) =>
      withFolder(files, async (folder) => {
        const load = () => ChatGLMTokenizer.fromPretrained(folder);
        await assertRejects(load, DenoiseError, message);
      });
    const model = (...bytes: number[]) => ({ "tokenizer.model": Uint8Array.from(bytes) });
    const bytePairs = [18, 2, 24, 2]; // trainer_spec.model_type = 2
    const unknown = [10, 9, 10, 5, 60, 117, 110, 107, 62, 24, 2]; // a piece "<unk>" of type 2
    await refused({}, "has no tokenizer.model");
    await refused(model(10, 200, 1, 2), "no SentencePiece model");
    await refused(model(18, 2, 24, 1), "of type 1");
    await refused(model(...bytePairs), "no piece for unknown text");
    await refused(model(...bytePairs, ...unknown, 26, 2, 40, 0), "escape_whitespaces");
    await refused(model(...bytePairs, ...unknown, 26, 6, 18, 4, 255, 255, 255, 255), "is broken");
  });
});
