/**
 * Lumina 2: what its pipeline refuses.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import { Lumina2Pipeline } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const SMALL = { height: 32, width: 32, numInferenceSteps: 1, seed: 0 };
const load = (more = {}) =>
  Lumina2Pipeline.fromPretrained(fixture("tiny-lumina2"), { onWarning: () => {}, ...more });

describe("Lumina2Pipeline", () => {
  it("refuses sizes that are no whole number of tokens", async () => {
    await using pipe = await load();
    await assertRejects(() => pipe("a", { ...SMALL, width: 40 }), RangeError, "divisible by 16");
    const { tensor } = await pipe("a", { ...SMALL, outputType: "latent" });
    assertEquals(tensor!.dims, [1, 4, 4, 4]);
  });

  it("refuses texts that there are no positions for", async () => {
    await using pipe = await load();
    const promptEmbeds = Tensor.zeros([1, 300, 16]);
    const promptAttentionMask = Tensor.from([Array(300).fill(1)], undefined, "int64");
    await assertRejects(
      () => pipe(undefined, { promptEmbeds, promptAttentionMask, guidanceScale: 1, ...SMALL }),
      RangeError,
      "up to 299 tokens",
    );
  });

  it("says which parts are missing", async () => {
    await using pipe = await load({ textEncoder: null, tokenizer: null });
    const error = await assertRejects(() => pipe("a", SMALL), DenoiseError, "promptEmbeds");
    assertEquals(error.code, "missing_component");
  });
});
