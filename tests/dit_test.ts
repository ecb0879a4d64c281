/**
 * DiT: classes by number and word, and what its pipeline refuses.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { Tensor } from "@denoise/core";
import { DiffusionPipeline, DiTPipeline } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const SHORT = { numInferenceSteps: 2, seed: 0 };

describe("DiTPipeline", () => {
  const load = () => DiTPipeline.fromPretrained(fixture("tiny-dit"), { onWarning: () => {} });

  it("takes classes by the words of the repo", async () => {
    await using pipe = await load();
    const [words, numbers] = [["white shark", "Tinca tinca"], [1, 0]];
    const byWord = await pipe({ classLabels: words, outputType: "latent", ...SHORT });
    const byNumber = await pipe({ classLabels: numbers, outputType: "latent", ...SHORT });
    assertEquals(byWord.tensor!.data, byNumber.tensor!.data);
  });

  it("refuses classes that there are not, and latents of another size", async () => {
    await using pipe = await load();
    for (const label of [1000, -1, 1.5, "a castle"]) {
      await assertRejects(() => pipe({ classLabels: [label], ...SHORT }), RangeError, "0 to 999");
    }
    await assertRejects(() => pipe({ classLabels: [], ...SHORT }), TypeError, "must be a list");
    const latents = Tensor.zeros([1, 4, 4, 4]);
    await assertRejects(
      () => pipe({ classLabels: [1], latents, ...SHORT }),
      TypeError,
      "1, 4, 8, 8",
    );
  });

  it("is loaded by the name in its repo", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-dit"));
    assertEquals(pipe.className, "DiTPipeline");
  });
});
