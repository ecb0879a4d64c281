/**
 * Self-attention guidance: what it refuses, and what the UNet tells of its attention.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type AnyPipeline,
  DenoiseError,
  EulerDiscreteScheduler,
  Generator,
  Tensor,
  UNet2DConditionModel,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertEachAsAlone, FEW, PROMPT, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const TASK = {
  pipeline: "StableDiffusionSAGPipeline",
  repo: "tiny-stable-diffusion",
};
const load = () => loadTask(TASK);

refuses("StableDiffusionSAGPipeline", load, {}, [
  ["images that are too small to be blurred", { height: 16 }, RangeError, "at least 20"],
  ["a negative scale", { sagScale: -1 }, RangeError, "sagScale -1"],
  ["guidanceRescale", { guidanceRescale: 0.7 }, TypeError, '"guidanceRescale"'],
  ["own timesteps", { timesteps: [900, 100] }, TypeError, '"timesteps"'],
]);

describe("StableDiffusionSAGPipeline", () => {
  it("names the schedulers that it can be used with", async () => {
    await using pipe: AnyPipeline = await load();
    const small = await pipe(PROMPT, { ...FEW, height: 16, sagScale: 0 });
    assertEquals(small.images[0]!.height, 16);
    pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config);
    await assertRejects(() => pipe(PROMPT, FEW), DenoiseError, "use DDIMScheduler");
  });

  it("makes each of several images as alone", async () => {
    await using pipe: AnyPipeline = await load();
    await assertEachAsAlone(pipe, {});
  });
});

describe("UNet2DConditionModel.forwardAttended()", () => {
  it("predicts as forward() does, and shares out the attention of all pixels", async () => {
    await using unet = await UNet2DConditionModel.fromPretrained(
      fixture("tiny-stable-diffusion/unet"),
    );
    const g = new Generator(1);
    const sample = g.randn([2, 4, 7, 10]);
    const options = { encoderHiddenStates: g.randn([2, 77, 16]) };
    const plain = await unet.forward(sample, 500, options);
    const told = await unet.forwardAttended!(sample, 500, options);
    const { middleAttention: attention } = told;
    // one graph fuses what the other has to compute apart
    assert(plain.sample.sub(told.sample).abs().max().item() < 1e-5);
    const [rows, height, width] = attention.dims as [number, number, number];
    assertEquals(rows, 2);
    for (const row of attention.chunk(2)) {
      // every pixel has an attention of 1 to give
      assert(Math.abs(row.sum().item() - height * width) < 1e-4, `${row.sum().item()}`);
    }
  });

  it("needs pixels in the middle that attend to each other", async () => {
    await using unet = await UNet2DConditionModel.fromPretrained(
      fixture("models/UNet2DConditionModel/if"),
    );
    await assertRejects(
      () => unet.forwardAttended!(Tensor.zeros([1, 4, 8, 8]), 1),
      DenoiseError,
      "mid_block_type",
    );
  });
});
