/**
 * PixArt: what its pipelines refuse.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import { DiffusionPipeline, PixArtAlphaPipeline, PixArtSigmaPipeline } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const SHORT = { numInferenceSteps: 1, maxSequenceLength: 8, seed: 0 };
const SMALL = { ...SHORT, height: 32, width: 32, useResolutionBinning: false };

describe("PixArtSigmaPipeline", () => {
  const load = (more = {}) =>
    PixArtSigmaPipeline.fromPretrained(fixture("tiny-pixart-sigma"), {
      onWarning: () => {},
      ...more,
    });

  it("refuses sizes that are no whole number of tokens, without binning alone", async () => {
    await using pipe = await load();
    await assertRejects(() => pipe("a", { ...SMALL, width: 30 }), RangeError, "divisible by 8");
    await assertRejects(() => pipe("a", { ...SMALL, height: 0 }), RangeError, "0");
    const { images } = await pipe("a", { ...SHORT, height: 31, width: 30 });
    assertEquals([images[0]!.width, images[0]!.height], [30, 31]);
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

  it("gives latents of the size that the model makes", async () => {
    await using pipe = await load();
    const { tensor } = await pipe("a", { ...SMALL, outputType: "latent" });
    assertEquals(tensor!.dims, [1, 4, 8, 8]);
  });
});

describe("PixArtAlphaPipeline", () => {
  it("is loaded by the name in its repo, and cleans captions", async () => {
    const warnings: string[] = [];
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-pixart-alpha"), {
      onWarning: (text: string) => void warnings.push(text),
    });
    assertEquals(pipe.className, "PixArtAlphaPipeline");
    await pipe("a", { ...SMALL, cleanCaption: true });
    assertEquals(warnings.filter((text) => text.includes("cleanCaption")).length, 0);
    await pipe("it\u00e2\u20ac\u0153s", { ...SMALL, cleanCaption: true });
    assertEquals(warnings.filter((text) => text.includes("cleanCaption")).length, 1);
    assertEquals(PixArtAlphaPipeline.family, "pixart-alpha");
  });
});
