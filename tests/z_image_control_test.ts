/**
 * ControlNets of Z-Image: what their pipelines refuse.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { randn, Tensor } from "@denoise/core";
import {
  DiffusionPipeline,
  ZImageControlNetInpaintPipeline,
  ZImageControlNetModel,
  ZImageControlNetPipeline,
  ZImageTransformer2DModel,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const REPO = fixture("tiny-z-image");
const controlImage = Tensor.zeros([1, 3, 32, 32]);
const CALL = {
  numInferenceSteps: 1,
  seed: 0,
  height: 32,
  width: 32,
  guidanceScale: 0,
  controlImage,
};
const net = (name: string) =>
  ZImageControlNetModel.fromPretrained(fixture(`models/ZImageControlNetModel/${name}`));

describe("ZImageControlNetPipeline", () => {
  it("is saved and loaded with its ControlNet", async () => {
    await using pipe = await ZImageControlNetPipeline.fromPretrained(REPO, {
      ...{ controlnet: await net("union2"), onWarning: () => {} },
    });
    const folder = await Deno.makeTempDir();
    await pipe.savePretrained(folder);
    await using again = await DiffusionPipeline.fromPretrained(folder, { onWarning: () => {} });
    const [first, second] = [await pipe("a", CALL), await again("a", CALL)];
    assertEquals(second.images[0]!.data, first.images[0]!.data);
    await Deno.remove(folder, { recursive: true });
  });

  it("needs a control image", async () => {
    await using pipe = await ZImageControlNetPipeline.fromPretrained(REPO, {
      ...{ controlnet: await net("union"), onWarning: () => {} },
    });
    const { controlImage: _, ...rest } = CALL;
    await assertRejects(() => pipe("a", rest as never), TypeError, "controlImage");
  });
});

describe("ZImageControlNetInpaintPipeline", () => {
  it("refuses a ControlNet of the first version", async () => {
    await using pipe = await ZImageControlNetInpaintPipeline.fromPretrained(REPO, {
      ...{ controlnet: await net("union"), onWarning: () => {} },
    });
    const call = { ...CALL, image: controlImage, maskImage: controlImage };
    await assertRejects(() => pipe("a", call), RangeError, "version 2.0");
  });
});

describe("ZImageTransformer2DModel", () => {
  it("takes what a ControlNet adds for texts of one length alone", async () => {
    const model = await ZImageTransformer2DModel.fromPretrained(REPO, {
      subfolder: "transformer",
    });
    const encoderHiddenStates = [randn([4, 16]), randn([5, 16])];
    await assertRejects(
      () =>
        model.forward(randn([2, 4, 8, 8]), 0.5, {
          encoderHiddenStates,
          controlnetBlockSamples: {},
        }),
      TypeError,
      "4 and 5 tokens",
    );
    await model.dispose();
  });
});
