/**
 * What pipelines that make images out of noise alone do beside the images: classes, callbacks, kinds
 * of output, and calls that cannot be.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { ImageOutput, PipelineStep } from "@denoise/core";
import {
  ConsistencyModelPipeline,
  DDPMScheduler,
  Generator,
  KarrasVePipeline,
  ScoreSdeVePipeline,
  Tensor,
  UNet2DModel,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const FEW = { numInferenceSteps: 3, seed: 1 };
const pixels = ({ images }: ImageOutput) => images.map(({ data }) => data);

describe("ConsistencyModelPipeline", () => {
  let pipe: ConsistencyModelPipeline;
  const warnings: string[] = [];
  beforeAll(async () => {
    pipe = await ConsistencyModelPipeline.fromPretrained(fixture("tiny-consistency-model"), {
      onWarning: (message) => void warnings.push(message),
    });
  });
  afterAll(() => pipe.dispose());

  it("draws the classes from the seeds of the images, and says which", async () => {
    const batch = await pipe({ ...FEW, batchSize: 3 });
    for (const [i, { data, recipe }] of batch.images.entries()) {
      const alone = await pipe({ ...FEW, seed: FEW.seed + i });
      assertEquals(pixels(alone), [data]);
      const classLabels = recipe!["classLabel"] as number;
      const labelled = await pipe({ ...FEW, seed: FEW.seed + i, classLabels });
      assertEquals(pixels(labelled), [data]);
    }
    const other = (batch.images[0]!.recipe!["classLabel"] as number + 1) % 10;
    assertNotEquals(pixels(await pipe({ ...FEW, classLabels: other })), pixels(batch).slice(0, 1));
  });

  it("draws them from a shared generator, whose noise stays as it is", async () => {
    const shared = () => ({ numInferenceSteps: 2, batchSize: 2, generator: new Generator(5) });
    const drawn = await pipe(shared());
    const classLabels = drawn.images.map(({ recipe }) => recipe!["classLabel"] as number);
    assertEquals(pixels(await pipe({ ...shared(), classLabels })), pixels(drawn));
  });

  it("calls back every so many steps", async () => {
    const seen: [number, number, string][] = [];
    const callback = (step: number, timestep: number, latents: Tensor) =>
      void seen.push([step, timestep, latents.dims.join()]);
    const times: number[] = [];
    await pipe({
      ...FEW,
      numInferenceSteps: 5,
      callback,
      callbackSteps: 2,
      callbackOnStepEnd: ({ timestep }) => void times.push(timestep),
    });
    const shape = "1,3,8,8";
    assertEquals(seen, [[0, times[0]!, shape], [2, times[2]!, shape], [4, times[4]!, shape]]);
  });

  it("takes own timesteps, and says that a number of steps does not count then", async () => {
    const own = { seed: 1, classLabels: 3, timesteps: [22, 0] };
    const count = warnings.length;
    const expected = pixels(await pipe(own));
    assertEquals(pixels(await pipe({ ...own, numInferenceSteps: null })), expected);
    assertEquals(warnings.length, count);
    assertEquals(pixels(await pipe({ ...own, numInferenceSteps: 7 })), expected);
    assert(warnings.at(-1)!.includes("numInferenceSteps 7"), warnings.at(-1));
  });

  it("says that a model without classes does not use labels", async () => {
    const unet = await UNet2DModel.fromPretrained(fixture("models/UNet2DModel/consistency_plain"));
    const said: string[] = [];
    const plain = await ConsistencyModelPipeline.fromPretrained(fixture("tiny-consistency-model"), {
      unet,
      onWarning: (message) => void said.push(message),
    });
    const labelled = await plain({ ...FEW, classLabels: 3 });
    assertEquals(said.length, 1);
    assert(said[0]!.includes("classLabels are not used"), said[0]);
    const { images } = await plain(FEW);
    assertEquals(images.map(({ data }) => data), pixels(labelled));
    assertEquals(images[0]!.recipe!["classLabel"], undefined);
    await plain.dispose();
  });

  const refusals: [string, object, new (message: string) => Error, string][] = [
    ["a class beyond the table", { classLabels: 10 }, RangeError, "class label 10"],
    ["a class below 0", { classLabels: [-1] }, RangeError, "class label -1"],
    ["a class that is no integer", { classLabels: 0.5 }, RangeError, "class label 0.5"],
    ["one class for two images", { classLabels: 3, batchSize: 2 }, RangeError, "1 class label:"],
    ["three for two", { classLabels: [1, 2, 3], batchSize: 2 }, RangeError, "3 class labels"],
    [
      "no number of steps",
      { numInferenceSteps: null },
      TypeError,
      "numInferenceSteps or timesteps",
    ],
    ["more steps than trained", { numInferenceSteps: 41 }, RangeError, "41"],
    ["timesteps that rise", { timesteps: [0, 22] }, RangeError, "must fall"],
    ["timesteps beyond the trained", { timesteps: [40, 0] }, RangeError, "timestep 40"],
    ["to call back every 0 steps", { callbackSteps: 0 }, RangeError, "callbackSteps"],
    ["latents of another size", { latents: Tensor.zeros([1, 3, 4, 4]) }, TypeError, "1, 3, 4, 4"],
    ["latents that are no tensor", { latents: [[1]] }, TypeError, "it must be a Tensor"],
    ["seed and generator", { generator: new Generator(1) }, TypeError, "not both"],
  ];
  for (const [name, options, error, said] of refusals) {
    it(`refuses ${name}`, async () => {
      await assertRejects(() => pipe({ seed: 1, ...options }), error, said);
    });
  }
});

for (
  const [Class, repo] of [
    [ScoreSdeVePipeline, "tiny-score-sde-ve"],
    [KarrasVePipeline, "tiny-karras-ve"],
  ] as const
) {
  describe(Class.className, () => {
    let pipe: ScoreSdeVePipeline;
    beforeAll(async () => void (pipe = await Class.fromPretrained(fixture(repo))));
    afterAll(() => pipe.dispose());

    it("gives tensors in 0..1, latents as they are, and previews", async () => {
      const steps: PipelineStep[] = [];
      const callbackOnStepEnd = (step: PipelineStep) => void steps.push(step);
      const [image] = pixels(await pipe({ ...FEW, callbackOnStepEnd }));
      const { tensor, images } = await pipe({ ...FEW, outputType: "tensor" });
      assertEquals(images, []);
      const values = tensor!.toFloat32Array();
      assert(values.every((value) => value >= 0 && value <= 1), "values outside 0..1");
      assertEquals(image!.length, values.length);
      assertEquals((await steps.at(-1)!.preview())[0]!.data, image);
      const { tensor: latents } = await pipe({ ...FEW, outputType: "latent" });
      assert(latents!.abs().max().item() > 1, "latents are not cut to 0..1");
    });

    it("goes on with what a callback puts in place, at the last step too", async () => {
      const zeros = Tensor.zeros([1, 3, 8, 8]);
      const { tensor } = await pipe({
        ...FEW,
        outputType: "latent",
        callbackOnStepEnd: ({ index, total }) => index === total - 1 ? { latents: zeros } : {},
      });
      assertEquals(tensor, zeros);
    });

    it("refuses other schedulers than its own, and says which to take", async () => {
      const own = pipe.scheduler;
      pipe.scheduler = new DDPMScheduler();
      await assertRejects(() => pipe(FEW), TypeError, own.className);
      pipe.scheduler = own;
    });
  });
}

describe("KarrasVePipeline", () => {
  it("refuses a single step, over which σ cannot fall", async () => {
    const pipe = await KarrasVePipeline.fromPretrained(fixture("tiny-karras-ve"));
    await assertRejects(() => pipe({ numInferenceSteps: 1 }), RangeError, "integer from 2");
    await pipe.dispose();
  });
});
