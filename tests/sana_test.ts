/**
 * Sana and Sana-Sprint: what their pipelines refuse, and what previews show.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  AutoPipelineForImage2Image,
  DDIMScheduler,
  SanaPipeline,
  SanaSprintPipeline,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const SMALL = { height: 32, width: 32, useResolutionBinning: false, maxSequenceLength: 8, seed: 0 };
const QUIET = { onWarning: () => {} };

describe("SanaPipeline", () => {
  it("refuses sizes that are no multiple of 32, without binning alone", async () => {
    await using pipe = await SanaPipeline.fromPretrained(fixture("tiny-sana"), QUIET);
    await assertRejects(() => pipe("a", { ...SMALL, width: 40 }), RangeError, "divisible by 32");
    const { tensor } = await pipe("a", { ...SMALL, numInferenceSteps: 1, outputType: "latent" });
    assertEquals(tensor!.dims, [1, 4, 8, 8]);
  });

  it("says which parts are missing, and that states come with their mask", async () => {
    const parts = { textEncoder: null, tokenizer: null, ...QUIET };
    await using pipe = await SanaPipeline.fromPretrained(fixture("tiny-sana"), parts);
    const error = await assertRejects(() => pipe("a", SMALL), DenoiseError);
    assertEquals(error.code, "missing_component");
    const promptEmbeds = Tensor.zeros([1, 4, 16]);
    await assertRejects(
      () => pipe(undefined, { promptEmbeds, ...SMALL }),
      TypeError,
      "promptAttentionMask",
    );
  });
});

describe("SanaSprintPipeline", () => {
  const load = () => SanaSprintPipeline.fromPretrained(fixture("tiny-sana-sprint"), QUIET);

  it("takes any number of steps without an angle for the second", async () => {
    await using pipe = await load();
    const { images } = await pipe("a", { ...SMALL, numInferenceSteps: 3 });
    assertEquals(images.length, 1);
    await assertRejects(
      () => pipe("a", { ...SMALL, numInferenceSteps: 3, intermediateTimesteps: 1 }),
      TypeError,
      "for 2 steps",
    );
  });

  it("refuses a negative prompt, which the model is not asked", async () => {
    await using pipe = await load();
    await assertRejects(
      () => pipe("a", { ...SMALL, negativePrompt: "b" } as object),
      TypeError,
      "negativePrompt",
    );
  });

  it("refuses a scheduler that is not of its kind", async () => {
    await using pipe = await load();
    pipe.scheduler = new DDIMScheduler();
    await assertRejects(() => pipe("a", SMALL), TypeError, "SCMScheduler");
  });

  it("shows in its last preview what it gives", async () => {
    await using pipe = await load();
    let last: Uint8Array | undefined;
    const run = pipe.stream("a", SMALL);
    let next = await run.next();
    while (!next.done) {
      last = (await next.value.preview())[0]!.data;
      next = await run.next();
    }
    const { images: [image] } = next.value;
    assert(last!.length > 0);
    assertEquals(last, image!.data);
  });

  it("is changed into one for images by the automatic loader", async () => {
    await using pipe = await AutoPipelineForImage2Image.fromPretrained(
      fixture("tiny-sana-sprint"),
      QUIET,
    );
    assertEquals(pipe.className, "SanaSprintImg2ImgPipeline");
  });
});
