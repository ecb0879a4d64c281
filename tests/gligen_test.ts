/**
 * GLIGEN: what it refuses, what diffusers does not do for several images, and its models where no objects are placed.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type AnyPipeline, CLIPProcessor, Tensor, UNet2DConditionModel } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertEachAsAlone, assertSaved, FEW, grey, PROMPT, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const REPO = "tiny-stable-diffusion";
const UNET = "UNet2DConditionModel";
const SHOWING = {
  processor: "processors/CLIPProcessor/clip-16",
  image_encoder: "parts/CLIPVisionModelWithProjection/variation",
  image_project: "models/CLIPImageProjection/tiny",
};
const load = (kind: "Pipeline" | "TextImagePipeline", unet: string, options = {}) => {
  const parts = { unet, ...(kind === "Pipeline" ? {} : SHOWING) };
  return loadTask(
    { pipeline: `StableDiffusionGLIGEN${kind}`, repo: REPO, parts },
    options,
  );
};
const text = (options = {}) => load("Pipeline", `models/${UNET}/gligen`, options);
const textImage = (options = {}) =>
  load("TextImagePipeline", `models/${UNET}/gligen_text_image`, options);
const inpaint = () => load("Pipeline", `parts/${UNET}/gligen-inpaint`);

const BOX = [0.1, 0.2, 0.6, 0.7];
const PLACED = { gligenPhrases: ["a cat"], gligenBoxes: [BOX] };

refuses("StableDiffusionGLIGENPipeline", text, PLACED, [
  ["no boxes", { gligenBoxes: undefined }, TypeError, "without gligenBoxes"],
  ["an empty list of boxes", { gligenBoxes: [] }, RangeError, "gligenBoxes is empty"],
  ["a box that is no list", { gligenBoxes: BOX }, TypeError, "gligenBoxes[0] 0.1"],
  ["a box of three sides", { gligenBoxes: [[0, 0, 1]] }, TypeError, "gligenBoxes[0] [0,0,1]"],
  ["sides in pixels", { gligenBoxes: [[8, 8, 20, 20]] }, RangeError, "[8, 8, 20, 20]"],
  ["a side that is no number", { gligenBoxes: [[0, 0, NaN, 1]] }, RangeError, "NaN"],
  ["no phrases", { gligenPhrases: undefined }, TypeError, "without gligenPhrases"],
  ["more phrases than boxes", { gligenPhrases: ["a", "b"] }, RangeError, "2 gligenPhrases in 1"],
  ["a phrase alone", { gligenPhrases: "a cat" }, TypeError, "gligenPhrases"],
  ["too long a phrase", { gligenPhrases: ["a cat ".repeat(60)] }, RangeError, "77 of a phrase"],
  ["a beta above 1", { gligenScheduledSamplingBeta: 1.5 }, RangeError, "Beta 1.5"],
  [
    "an image that it cannot inpaint",
    { gligenInpaintImage: grey(8, 8) },
    RangeError,
    "must have 9",
  ],
  ["images of objects", { gligenImages: [grey(8, 8)] }, TypeError, '"gligenImages"'],
  ["diffusers' name", { gligen_boxes: [BOX] }, TypeError, '"gligenBoxes"'],
]);

refuses("StableDiffusionGLIGENPipeline that inpaints", inpaint, PLACED, [
  ["no image", {}, RangeError, "give gligenInpaintImage"],
  ["another size", { gligenInpaintImage: grey(8, 8), height: 64 }, RangeError, "at 32x32"],
]);

refuses("StableDiffusionGLIGENTextImagePipeline", textImage, { gligenBoxes: [BOX] }, [
  ["neither phrases nor images", {}, TypeError, "gligenPhrases, gligenImages, or both"],
  ["a phrase of numbers", { gligenPhrases: [3] }, TypeError, "gligenPhrases[0] of type number"],
  ["more images than boxes", { gligenImages: [null, null] }, RangeError, "2 gligenImages in 1"],
  [
    "more masks than objects",
    { gligenPhrases: ["a"], inputPhrasesMask: Array(31).fill(1) },
    RangeError,
    "at most 30",
  ],
]);

describe("several images of a call", () => {
  for (
    const [name, make, options] of [
      ["are each as alone", text, {}],
      ["are each as alone where they are inpainted", inpaint, { gligenInpaintImage: grey(20, 30) }],
    ] as const
  ) {
    it(name, async () => {
      const pipe: AnyPipeline = await make();
      await assertEachAsAlone(pipe, { ...PLACED, ...options });
      await pipe.dispose();
    });
  }
});

describe("what is said of objects", () => {
  it("warns of those that are too many, and of an option without effect", async () => {
    const warnings: string[] = [];
    const options = { onWarning: (message: string) => void warnings.push(message) };
    const pipe = await textImage(options);
    const many = { gligenPhrases: Array(31).fill("a cat"), gligenBoxes: Array(31).fill(BOX) };
    await pipe(PROMPT, { ...FEW, ...many, gligenScheduledSamplingBeta: 1 });
    assert(warnings.some((one) => one.includes("Of 31 objects only the first 30")));
    assert(warnings.some((one) => one.includes("gligenScheduledSamplingBeta has no effect")));
    await pipe.dispose();
  });

  it("stands in recipes", async () => {
    const pipe = await text();
    const { images } = await pipe(PROMPT, { ...FEW, ...PLACED });
    assertEquals(images[0]!.recipe?.gligenPhrases, "a cat");
    assertEquals(images[0]!.recipe?.gligenBoxes, "[[0.1,0.2,0.6,0.7]]");
    await pipe.dispose();
  });

  it("is saved with the pipeline", async () => {
    const given = { ...PLACED, gligenImages: [grey(16, 16)] };
    await assertSaved(await textImage(), given, { unet: UNET });
  });
});

describe("CLIPProcessor", () => {
  it("keeps the files of its tokenizer", async () => {
    const folder = await Deno.makeTempDir();
    const processor = await CLIPProcessor.fromPretrained(fixture(SHOWING.processor));
    await processor.savePretrained(folder);
    for (const name of ["tokenizer.json", "tokenizer_config.json", "processor_config.json"]) {
      const file = await Deno.readTextFile(`${folder}/${name}`);
      assertEquals(file, await Deno.readTextFile(fixture(`${SHOWING.processor}/${name}`)));
    }
    const again = await CLIPProcessor.fromPretrained(folder);
    const image = grey(40, 20);
    assertEquals(await again.preprocess([image]), await processor.preprocess([image]));
    await Deno.remove(folder, { recursive: true });
  });
});

describe("UNet2DConditionModel.forward() with gligen", () => {
  const sample = Tensor.ones([1, 4, 8, 8]);
  const encoderHiddenStates = Tensor.ones([1, 3, 16]);
  const [boxes, masks] = [Tensor.full([1, 2, 4], 0.5), Tensor.ones([1, 2])];
  const positiveEmbeddings = Tensor.ones([1, 2, 16]);

  it("refuses a model without gated attention, and what is missing", async () => {
    const plain = await UNet2DConditionModel.fromPretrained(fixture(`models/${UNET}/sd1`));
    const gligen = { boxes, masks, positiveEmbeddings };
    await assertRejects(
      () => plain.forward(sample, 1, { encoderHiddenStates, gligen }),
      TypeError,
      'its attention_type is "default"',
    );
    const gated = await UNet2DConditionModel.fromPretrained(fixture(`models/${UNET}/gligen`));
    await assertRejects(
      () => gated.forward(sample, 1, { encoderHiddenStates, gligen: { boxes, masks } }),
      TypeError,
      "it needs positiveEmbeddings",
    );
    const { sample: placed } = await gated.forward(sample, 1, { encoderHiddenStates, gligen });
    const { sample: alone } = await gated.forward(sample, 1, { encoderHiddenStates });
    assertNotEquals(placed.data, alone.data);
    await Promise.all([plain.dispose(), gated.dispose()]);
  });
});
