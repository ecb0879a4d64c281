/**
 * What pipelines with a ControlNet-XS say to images, UNets and options that cannot be, and how they lie on disk.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { AnyPipeline } from "@denoise/loading";
import { DenoiseError, type Model } from "@denoise/core";
import { ControlNetModel, ControlNetXSAdapter, UNet2DConditionModel } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, grey, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const UNET = fixture("tiny-stable-diffusion/unet");

async function adapter(name: string): Promise<ControlNetXSAdapter> {
  return await ControlNetXSAdapter.fromPretrained(fixture(`models/ControlNetXSAdapter/${name}`));
}

async function load(): Promise<AnyPipeline> {
  return await loadTask({
    pipeline: "StableDiffusionControlNetXSPipeline",
    repo: "tiny-stable-diffusion",
  }, { controlnet: await adapter("even") });
}

refuses("StableDiffusionControlNetXSPipeline", load, { image: grey(32, 32) }, [
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["an empty list", { image: [] }, RangeError, "the list is empty"],
  ["more images than prompts", { image: [grey(32, 32), grey(32, 32)] }, RangeError, "2 images"],
  ["a range that ends first", { controlGuidanceEnd: 0 }, RangeError, "controlGuidanceEnd 0"],
  ["an odd number of latents", { height: 40, width: 40 }, RangeError, "multiples of 4"],
]);

describe("StableDiffusionControlNetXSPipeline", () => {
  it("lies in a folder with the UNet that the adapter is joined with, and loads again", async () => {
    const pipe = await load();
    assertEquals((pipe.components as { unet: Model }).unet.className, "UNetControlNetXSModel");
    await assertSaved(pipe, { image: grey(32, 32) }, {
      controlnet: "ControlNetXSAdapter",
      unet: "UNetControlNetXSModel",
    });
  });
});

describe("a pipeline with a ControlNet-XS", () => {
  it("refuses a network of another kind", async () => {
    const controlnet = await ControlNetModel.fromPretrained(fixture("models/ControlNetModel/sd1"));
    const task = {
      pipeline: "StableDiffusionControlNetXSPipeline",
      repo: "tiny-stable-diffusion",
    };
    await assertRejects(
      () => loadTask(task, { controlnet }),
      TypeError,
      "by a ControlNetModel: controlnet must be a ControlNetXSAdapter",
    );
  });
});

describe("ControlNetXSAdapter.controlled()", () => {
  it("refuses a UNet of other widths, and one that lacks a tensor", async () => {
    const unet = await UNet2DConditionModel.fromPretrained(UNET);
    const [own, other] = [await adapter("sd1"), await adapter("xl")];
    const config = { ...unet.config, block_out_channels: [8, 8, 8] };
    assertThrows(
      () => own.controlled(Object.create(unet, { config: { value: config } })),
      RangeError,
      "its block_out_channels are [8,8,8], but the ControlNetXSAdapter wants [4,8,8]",
    );
    const error = assertThrows(() => other.controlled(unet), DenoiseError);
    assertEquals(error.code, "missing_tensor");
  });
});
