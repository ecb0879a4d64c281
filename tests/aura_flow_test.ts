/**
 * AuraFlow: what its pipeline refuses.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import { AuraFlowPipeline } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const SMALL = { height: 32, width: 32, numInferenceSteps: 1, maxSequenceLength: 8, seed: 0 };
const load = (more = {}) =>
  AuraFlowPipeline.fromPretrained(fixture("tiny-aura-flow"), { onWarning: () => {}, ...more });

describe("AuraFlowPipeline", () => {
  it("refuses sizes that are no whole number of tokens, or of more than there are positions", async () => {
    await using pipe = await load();
    await assertRejects(() => pipe("a", { ...SMALL, width: 28 }), RangeError, "divisible by 8");
    await assertRejects(() => pipe("a", { ...SMALL, width: 72 }), RangeError, "at most 16");
    const { tensor } = await pipe("a", { ...SMALL, outputType: "latent" });
    assertEquals(tensor!.dims, [1, 4, 8, 8]);
  });

  it("says that states come with their mask, and which parts are missing", async () => {
    await using pipe = await load({ textEncoder: null, tokenizer: null });
    const promptEmbeds = Tensor.zeros([1, 4, 16]);
    await assertRejects(
      () => pipe(undefined, { promptEmbeds, ...SMALL }),
      TypeError,
      "promptAttentionMask",
    );
    const error = await assertRejects(() => pipe("a", SMALL), DenoiseError, "promptEmbeds");
    assertEquals(error.code, "missing_component");
  });

  it("quotes what of a prompt was cut", async () => {
    const warnings: string[] = [];
    await using pipe = await load({ onWarning: (text: string) => void warnings.push(text) });
    await pipe("a red apple on a blue background", { ...SMALL, maxSequenceLength: 3 });
    assertEquals(warnings.some((text) => text.includes("ground")), true, String(warnings));
  });
});
