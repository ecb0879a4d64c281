/**
 * ControlNets of Qwen-Image: what their pipelines refuse.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { Tensor } from "@denoise/core";
import {
  DiffusionPipeline,
  QwenImageControlNetInpaintPipeline,
  QwenImageControlNetModel,
  QwenImageControlNetPipeline,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const REPO = fixture("tiny-qwen-image");
const controlImage = Tensor.zeros([1, 3, 32, 32]);
const CALL = { numInferenceSteps: 2, seed: 0, height: 32, width: 32, controlImage };
const net = (name: string) =>
  QwenImageControlNetModel.fromPretrained(fixture(`models/QwenImageControlNetModel/${name}`));

describe("QwenImageControlNetPipeline", () => {
  const load = async (name: string) =>
    await QwenImageControlNetPipeline.fromPretrained(REPO, {
      ...{ controlnet: await net(name), onWarning: () => {} },
    });

  it("refuses a ControlNet that inpaints, and lists of another length", async () => {
    await using other = await load("inpaint");
    await assertRejects(() => other("a", CALL), RangeError, "extra_condition_channels");
    await using pipe = await load("union");
    const scales = { controlnetConditioningScale: [1, 0.5] };
    await assertRejects(() => pipe("a", { ...CALL, ...scales }), RangeError, "list of 1");
  });

  it("is saved and loaded with its ControlNet", async () => {
    await using pipe = await load("union");
    const folder = await Deno.makeTempDir();
    await pipe.savePretrained(folder);
    await using again = await DiffusionPipeline.fromPretrained(folder, { onWarning: () => {} });
    const [first, second] = [await pipe("a", CALL), await again("a", CALL)];
    assertEquals(second.images[0]!.data, first.images[0]!.data);
    await Deno.remove(folder, { recursive: true });
  });
});

describe("QwenImageControlNetInpaintPipeline", () => {
  it("needs a mask, and one ControlNet", async () => {
    const nets = [await net("inpaint"), await net("inpaint")];
    await using pipe = await QwenImageControlNetInpaintPipeline.fromPretrained(REPO, {
      ...{ controlnet: nets[0]!, onWarning: () => {} },
    });
    await assertRejects(() => pipe("a", CALL as never), TypeError, "controlMask");
    await using two = await QwenImageControlNetInpaintPipeline.fromPretrained(REPO, {
      ...{ controlnet: nets, onWarning: () => {} },
    });
    const call = { ...CALL, controlMask: controlImage };
    await assertRejects(() => two("a", call), RangeError, "takes one");
  });
});
