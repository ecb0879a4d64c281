/**
 * DeepFloyd IF: what its pipelines refuse, and that images do not depend on those beside them. What they make is held
 * against diffusers by tasks_test.ts.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { randn } from "@denoise/core";
import {
  AutoPipelineForImage2Image,
  AutoPipelineForInpainting,
  CLIPImageProcessor,
  DenoiseImage,
  IFInpaintingPipeline,
  IFPipeline,
  IFSafetyChecker,
  IFSuperResolutionPipeline,
  UNet2DConditionModel,
} from "@denoise/denoise";
import * as presets from "@denoise/deepfloyd-if";
import { fixture } from "./support/golden.ts";
import { assertSaved, FEW, grey, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const REPO = fixture("tiny-if");

function load(pipeline: string, repo: string, parts: Record<string, string | null> = {}) {
  return () => loadTask({ pipeline, repo, parts });
}

refuses("IFPipeline", load("IFPipeline", "tiny-if"), {}, [
  ["sides that do not halve", { height: 31 }, RangeError, "divisible by 2, such as 32x32"],
  ["latents", { latents: randn([1, 3, 32, 32]) }, TypeError, "latents"],
  ["both texts and states", { promptEmbeds: randn([1, 7, 16]) }, TypeError, "either prompt or"],
  ["an image", { image: "cat.png" }, TypeError, "image"],
  ["sigmas", { sigmas: [1, 0.5] }, TypeError, "sigmas"],
  [
    "timesteps that rise",
    { timesteps: [10, 500] },
    RangeError,
    "timesteps must fall",
  ],
]);

refuses(
  "IFPipeline without a text encoder",
  load("IFPipeline", "tiny-if", { text_encoder: null, tokenizer: null }),
  {},
  [["a prompt", {}, Error, "give promptEmbeds"]],
);

refuses(
  "IFPipeline without a prompt",
  load("IFPipeline", "tiny-if"),
  { promptEmbeds: randn([1, 7, 16]) },
  [[
    "states of two shapes",
    { negativePromptEmbeds: randn([1, 8, 16]) },
    TypeError,
    "they must be equal",
  ]],
  (pipe, options) => pipe(undefined, { ...FEW, ...options }),
);

refuses(
  "IFPipeline with a UNet of a later stage",
  async () => {
    const unet = await UNet2DConditionModel.fromPretrained(
      fixture("tiny-if-super-resolution/unet"),
    );
    return await loadTask({ pipeline: "IFPipeline", repo: "tiny-if" }, {
      unet,
    });
  },
  {},
  [["to make images", {}, RangeError, "use a pipeline that makes images larger"]],
);

describe("IFPipeline", () => {
  it("makes an image that does not depend on those beside it, and differs by its prompt", async () => {
    const pipe = await IFPipeline.fromPretrained(REPO);
    const both = await pipe(["a cat", "a red apple"], { numInferenceSteps: 3, seed: 5 });
    const alone = await pipe("a red apple", { numInferenceSteps: 3, seed: 6 });
    const apart = both.images[1]!.data.reduce(
      (most, x, i) => Math.max(most, Math.abs(x - alone.images[0]!.data[i]!)),
      0,
    );
    assert(apart <= 1, `apart by ${apart}`); // sums in another order
    assertEquals(both.images[1]!.recipe?.prompt, "a red apple");
    const other = await pipe("a cat", { numInferenceSteps: 3, seed: 6 });
    assert(other.images[0]!.data.some((x, i) => x !== alone.images[0]!.data[i]));
    await pipe.dispose();
  });

  it("gives pixels without a mark, and images with one", async () => {
    const pipe = await IFPipeline.fromPretrained(REPO);
    const { tensor } = await pipe("a cat", { ...FEW, outputType: "tensor" });
    const { images: [marked] } = await pipe("a cat", FEW);
    pipe.watermarker = null;
    const { images: [plain] } = await pipe("a cat", FEW);
    const levels = tensor!.mul(255).round().squeeze(0).permute([1, 2, 0]).data;
    assertEquals([...plain!.data], [...levels].map(Number));
    assert(marked!.data.some((x, i) => x !== plain!.data[i]));
    await pipe.dispose();
  });

  it("hides what its safety checker finds, and says of each image why", async () => {
    const safetyChecker = await IFSafetyChecker.fromPretrained(
      fixture("models/IFSafetyChecker/tiny"),
    );
    const featureExtractor = await CLIPImageProcessor.fromPretrained(
      fixture("processors/CLIPImageProcessor/clip-16"),
    );
    const pipe = await IFPipeline.fromPretrained(REPO, {
      ...{ safetyChecker, featureExtractor, watermarker: null },
      onWarning: () => {},
    });
    const output = await pipe("a cat", { ...FEW, numImagesPerPrompt: 6 });
    const { images, nsfwContentDetected: nsfw, watermarkDetected: watermark } = output;
    assertEquals([nsfw!.length, watermark!.length], [6, 6]);
    for (const [i, image] of images.entries()) {
      assertEquals(image.data.every((x) => x === 0), nsfw![i] || watermark![i]);
    }
    await pipe.dispose();
  });

  it("cleans captions where it is asked to, and warns of texts that are cut", async () => {
    const warnings: string[] = [];
    const pipe = await IFPipeline.fromPretrained(REPO, {
      onWarning: (message: string) => void warnings.push(message),
    });
    const prompt = "a cat and a dog ".repeat(40);
    await pipe(prompt, { ...FEW, negativePrompt: prompt + "!", cleanCaption: true });
    assertEquals(warnings.map((text) => /cleanCaption|77 tokens/.exec(text)?.[0]), ["77 tokens"]);
    const draw = async (text: string, cleanCaption: boolean) =>
      (await pipe(text, { ...FEW, cleanCaption })).images[0]!.data;
    const plain = await draw("a red apple", false);
    assertEquals(await draw("A <b>red</b> apple #12345", true), plain);
    assertNotEquals(await draw("A <b>red</b> apple #12345", false), plain);
    await pipe.dispose();
  });

  it("lies in a folder and loads again", async () => {
    const pipe = await load("IFPipeline", "tiny-if", {
      safety_checker: "models/IFSafetyChecker/tiny",
      feature_extractor: "processors/CLIPImageProcessor/clip-16",
    })();
    await assertSaved(pipe, {}, { unet: "UNet2DConditionModel" });
  });
});

const IMAGE = { image: grey(32, 32) };
const MASKED = { ...IMAGE, maskImage: grey(32, 32, 1) };
const LATER = "tiny-if-super-resolution";

refuses("IFImg2ImgPipeline", load("IFImg2ImgPipeline", "tiny-if"), IMAGE, [
  ["a strength that leaves no step", { strength: 0.4 }, RangeError, "of 2 steps none is left"],
  ["two images for a prompt", { image: [grey(32, 32), grey(32, 32)] }, RangeError, "give one"],
  ["images of two shapes", { image: [grey(32, 32), grey(32, 64)] }, TypeError, "32x32, 32x64"],
  ["no images", { image: [] }, RangeError, "the list is empty"],
  ["a call without an image", { image: undefined }, TypeError, "image"],
  ["a tensor of one channel", { image: randn([1, 1, 32, 32]) }, TypeError, "[N, 3, H, W] in -1..1"],
  ["a tensor of odd sides", { image: randn([1, 3, 31, 32]) }, RangeError, "divisible by 2"],
  ["a size", { height: 32 }, TypeError, "height"],
]);

refuses("IFInpaintingPipeline", load("IFInpaintingPipeline", "tiny-if"), MASKED, [
  ["two masks for an image", { maskImage: [grey(32, 32), grey(32, 32)] }, RangeError, "give one"],
  ["a call without a mask", { maskImage: undefined }, TypeError, "maskImage"],
]);

refuses("IFSuperResolutionPipeline", load("IFSuperResolutionPipeline", LATER), IMAGE, [
  ["noise beyond the trained levels", { noiseLevel: 1000 }, RangeError, "from 0 to 999"],
  ["noise below none", { noiseLevel: -1 }, RangeError, "noiseLevel"],
  ["sides that do not halve", { width: 33 }, RangeError, "divisible by 2, such as 34x40"],
  ["a strength", { strength: 0.5 }, TypeError, "strength"],
]);

refuses(
  "IFImg2ImgSuperResolutionPipeline",
  load("IFImg2ImgSuperResolutionPipeline", LATER),
  { ...IMAGE, originalImage: grey(32, 32) },
  [
    ["a call without the original", { originalImage: undefined }, TypeError, "originalImage"],
    ["two originals", { originalImage: [grey(32, 32), grey(32, 32)] }, RangeError, "give one"],
  ],
);

refuses(
  "IFInpaintingSuperResolutionPipeline with a UNet of the first stage",
  async () => {
    const unet = await UNet2DConditionModel.fromPretrained(fixture("tiny-if/unet"));
    const pipeline = "IFInpaintingSuperResolutionPipeline";
    return await loadTask({ pipeline, repo: LATER }, { unet });
  },
  { ...MASKED, originalImage: grey(32, 32) },
  [["to make images larger", {}, RangeError, "use a pipeline of the first stage"]],
);

describe("the stages of DeepFloyd IF", () => {
  it("follow each other, with one text encoder for all", async () => {
    const first = await IFPipeline.fromPretrained(REPO);
    const second = await IFSuperResolutionPipeline.fromPretrained(fixture(LATER), {
      tokenizer: first.tokenizer,
      textEncoder: first.textEncoder,
    });
    const { tensor: image } = await first("a cat", { ...FEW, outputType: "latent" });
    const { images: [large] } = await second("a cat", { ...FEW, image: image! });
    assertEquals([large!.width, large!.height], [40, 40]);
    assertEquals([large!.recipe?.noiseLevel, large!.recipe?.width], [250, 40]);
    await Promise.all([first.dispose(), second.dispose()]);
  });

  it("keep what a mask does not cover as it is", async () => {
    const pipe = await IFInpaintingPipeline.fromPretrained(REPO, { watermarker: null });
    const maskImage = new DenoiseImage(32, 32, 1, new Uint8Array(32 * 32).fill(255, 16 * 32));
    const { images: [image] } = await pipe("a cat", { ...FEW, ...IMAGE, maskImage });
    assert(image!.data.subarray(0, 16 * 32 * 3).every((x) => x === 128));
    assert(image!.data.subarray(16 * 32 * 3).some((x) => x !== 128));
    await pipe.dispose();
  });

  it("are chosen by what they are given", async () => {
    const pipe = await AutoPipelineForImage2Image.fromPretrained(REPO);
    assertEquals(pipe.className, "IFImg2ImgPipeline");
    const other = await AutoPipelineForInpainting.fromPipe(pipe);
    assertEquals(other.className, "IFInpaintingPipeline");
    await pipe.dispose();
  });
});

describe("the lists of timesteps", () => {
  for (const [name, list] of Object.entries(presets)) {
    if (!/Timesteps$/.test(name)) continue;
    it(`${name} falls from 999 to 0 in as many steps as it says`, () => {
      const timesteps = list as readonly number[];
      assertEquals(timesteps.length, Number(/\d+/.exec(name)![0]));
      assertEquals([timesteps[0], timesteps.at(-1)], [999, 0]);
      assert(timesteps.every((t, i) => i === 0 || t < timesteps[i - 1]!));
    });
  }
});
