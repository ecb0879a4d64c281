/**
 * Text2Video-Zero: what it refuses, how its steps are counted, and how latents move.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { Tensor, UNet2DConditionModel } from "@denoise/denoise";
import type { AnyPipeline } from "@denoise/loading";
import { warpLatents } from "@denoise/text-to-video-zero";
import { fixture } from "./support/golden.ts";
import { PROMPT, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const load = (pipeline: string, repo: string) => loadTask({ pipeline, repo });
const plain = () => load("TextToVideoZeroPipeline", "tiny-stable-diffusion");
const xl = () => load("TextToVideoZeroSDXLPipeline", "tiny-stable-diffusion-xl");
const FEW = { numInferenceSteps: 4, t0: 1, t1: 2, videoLength: 2, seed: 1 };
const call = (pipe: AnyPipeline, options: object) => pipe(PROMPT, { ...FEW, ...options });

refuses("TextToVideoZeroPipeline", plain, {}, [
  ["steps that are too few", { t0: 44, t1: 47 }, RangeError, "from t1 47 to t0 44 of"],
  ["t1 before t0", { t0: 2, t1: 2 }, RangeError, "t0 must be smaller than t1"],
  ["frames of another number", { frameIds: [0] }, RangeError, "at 1 frameIds"],
  ["no frame", { videoLength: 0 }, RangeError, "videoLength 0"],
  ["latents of several images", { latents: Tensor.zeros([2, 4, 8, 8]) }, TypeError, "[1, 4, 8, 8]"],
  ["several videos", { numVideosPerPrompt: 2 }, TypeError, '"numVideosPerPrompt"'],
  ["odd frames without guidance", { videoLength: 5, guidanceScale: 1 }, RangeError, "be even"],
], call);

refuses("TextToVideoZeroSDXLPipeline", xl, {}, [
  ["guidanceRescale", { guidanceRescale: 0.5 }, TypeError, '"guidanceRescale"'],
  ["an end at the beginning", { denoisingEnd: 0 }, RangeError, "denoisingEnd 0"],
], call);

describe("a series", () => {
  it("is of one prompt", async () => {
    const pipe = await plain();
    await assertRejects(() => pipe([PROMPT, "a cat"], FEW), RangeError, "of 2 prompts");
    await pipe.dispose();
  });

  it("counts the steps of the whole run, and shows each image of the last ones", async () => {
    const pipe = await plain();
    const steps = pipe.stream(PROMPT, FEW);
    const seen: [number, number, number][] = [];
    let result = await steps.next();
    while (!result.done) {
      const { index, total } = result.value;
      seen.push([index, total, (await result.value.preview()).length]);
      result = await steps.next();
    }
    const total = seen.length;
    assertEquals(seen.map(([index]) => index), seen.map((_, i) => i));
    assertEquals(new Set(seen.map(([_, of]) => of)), new Set([total]));
    assertEquals(seen.slice(-3).map(([_, _of, images]) => images), [2, 2, 2]);
    assertEquals(seen[0]![2], 1);
    assertEquals(result.value.images.map(({ recipe }) => recipe?.frame), [0, 1]);
    await pipe.dispose();
  });
});

describe("warpLatents()", () => {
  const row = (values: number[]) =>
    Tensor.from(Float32Array.from(values), [1, 1, 1, values.length]);

  it("takes each place from where it moves to, and mirrors the edge", () => {
    // of a field 512 wide, 8 latents: 64 is one latent
    assertEquals(warpLatents(row([0, 1, 2, 3, 4, 5, 6, 7]), 129, 0), row([2, 3, 4, 5, 6, 7, 7, 6]));
    assertEquals(warpLatents(row([0, 1, 2, 3]), -127, 0), row([0, 0, 1, 2]));
    assertEquals(warpLatents(row([0, 1, 2, 3]), 0, 0), row([0, 1, 2, 3]));
  });
});

describe("UNet2DConditionModel.forward() with attendedRows", () => {
  it("refuses levels whose pixels look at their own image alone", async () => {
    const unet = await UNet2DConditionModel.fromPretrained(
      fixture("models/UNet2DConditionModel/attn"),
    );
    const options = { encoderHiddenStates: Tensor.zeros([1, 3, 16]), attendedRows: [0] };
    await assertRejects(
      () => unet.forward(Tensor.zeros([1, 4, 8, 8]), 1, options),
      RangeError,
      "AttnDownBlock2D",
    );
    await unet.dispose();
  });
});
