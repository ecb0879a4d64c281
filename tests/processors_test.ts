/**
 * What prepares images for vision models, and the safety checker, against transformers and
 * diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError } from "@denoise/core";
import {
  CLIPImageProcessor,
  DPTImageProcessor,
  Qwen2VLProcessor,
  SiglipImageProcessor,
  StableDiffusionPipeline,
  StableDiffusionSafetyChecker,
} from "@denoise/denoise";
import { writeTree } from "./support/files.ts";
import { assertWithin, fixture, type Golden, largest, readGolden } from "./support/golden.ts";
import { type Task, type TaskValue, taskValue } from "./support/tasks.ts";

interface Processed {
  readonly cases: readonly {
    readonly config: object;
    readonly image: TaskValue;
    readonly output: TaskValue;
  }[];
}

interface Checked {
  readonly cases: readonly { readonly image: TaskValue; readonly found: boolean }[];
}

type Tensors = Golden<Task>["tensors"];
const REPO = "tiny-stable-diffusion";

// A pixel that rounds to the next value of 255, over the smallest deviation of a channel.
const ONE_OF_255 = 1 / 255 / 0.26 + 1e-5;

for (const Processor of [CLIPImageProcessor, DPTImageProcessor, SiglipImageProcessor]) {
  const golden: Golden<Processed> = await readGolden(`processors/${Processor.className}`);
  describe(`${Processor.className}.preprocess() equals transformers within 1 of 255`, () => {
    for (const [i, { config, image, output }] of golden.head.cases.entries()) {
      it(`case ${i}, ${JSON.stringify(config)}`, async () => {
        const value = (stored: TaskValue) => taskValue(stored, golden.tensors as Tensors);
        const processor = Processor.create(config);
        const pixels = await processor.preprocess([value(image) as never]);
        assertWithin(largest(pixels, value(output) as never), ONE_OF_255, "pixels");
      });
    }
  });
}

async function safety() {
  return {
    safetyChecker: await StableDiffusionSafetyChecker.fromPretrained(
      fixture("models/StableDiffusionSafetyChecker/tiny"),
    ),
    featureExtractor: await CLIPImageProcessor.fromPretrained(
      fixture("processors/CLIPImageProcessor/clip-16"),
    ),
  };
}

describe("StableDiffusionSafetyChecker", () => {
  it("finds the images that diffusers finds", async () => {
    const { head, tensors }: Golden<Checked> = await readGolden(
      "processors/StableDiffusionSafetyChecker",
    );
    const { safetyChecker, featureExtractor } = await safety();
    const images = head.cases.map(({ image }) => taskValue(image, tensors as Tensors));
    const found = await safetyChecker.check(await featureExtractor.preprocess(images as never));
    assertEquals(found, head.cases.map((one) => one.found));
    assert(found.includes(true) && found.includes(false));
    await safetyChecker.dispose();
  });

  it("hides images behind black ones and says so", async () => {
    const said: string[] = [];
    const pipe = await StableDiffusionPipeline.fromPretrained(fixture(REPO), {
      ...await safety(),
      onWarning: (message) => said.push(message),
    });
    const options = { seed: 1, numImagesPerPrompt: 6, numInferenceSteps: 6, height: 32, width: 32 };
    const { images, nsfwContentDetected } = await pipe("a red apple on a blue background", options);
    const black = images.map(({ data }) => data.every((value) => value === 0));
    assertEquals(black, nsfwContentDetected);
    assertEquals(
      said.filter((message) => message.startsWith("Potential NSFW content was detected")).length,
      1,
    );
    await pipe.dispose();
  });

  it("needs a feature extractor", async () => {
    const { safetyChecker } = await safety();
    const error = await assertRejects(
      () => StableDiffusionPipeline.fromPretrained(fixture(REPO), { safetyChecker }),
      DenoiseError,
      "without a feature_extractor",
    );
    assertEquals(error.code, "missing_component");
  });

  it("is missed with the warning of diffusers where the repo wants it", async () => {
    const { components } = await StableDiffusionPipeline.fromPretrained(fixture(REPO), {
      onWarning: (message) => assert(!message.includes("safety checker")),
    });
    const warnings: string[] = [];
    const { warn } = console;
    console.warn = (message: string) => void warnings.push(message);
    try {
      new StableDiffusionPipeline(components);
    } finally {
      console.warn = warn;
    }
    assert(warnings.some((message) =>
      message.startsWith(
        "You have disabled the safety checker for StableDiffusionPipeline by passing " +
          "`safetyChecker: null`. Ensure that you abide to the conditions of the Stable Diffusion",
      )
    ));
  });
});

describe("CLIPImageProcessor", () => {
  it("refuses sizes that say nothing", async () => {
    const broken = CLIPImageProcessor.create({ size: { width: 16 } });
    const { images } = { images: [{ width: 1, height: 1, channels: 1, data: Uint8Array.of(1) }] };
    await assertRejects(() => broken.preprocess(images as never), TypeError, "shortest_edge");
  });

  it("refuses a filter that Pillow does not have", () => {
    const options: object = { resample: 9 };
    assertThrows(() => CLIPImageProcessor.create(options), RangeError, "resample");
  });
});

describe("processor_config.json", () => {
  const files = (whole: object, own?: object) => ({
    "processor_config.json": JSON.stringify(whole),
    ...(own && { "preprocessor_config.json": JSON.stringify(own) }),
  });
  const load = async (tree: Record<string, string>) => {
    await using folder = await writeTree(tree);
    return await Qwen2VLProcessor.fromPretrained(folder.path);
  };

  it("has the options of images where transformers 5 wrote it, before preprocessor_config.json", async () => {
    const whole = { processor_class: "Qwen2VLProcessor", image_processor: { patch_size: 4 } };
    assertEquals((await load(files(whole))).config.patch_size, 4);
    assertEquals((await load(files(whole, { patch_size: 7 }))).config.patch_size, 4);
    assertEquals(
      (await load(files({ chat_template: "" }, { patch_size: 7 }))).config.patch_size,
      7,
    );
  });

  it("is not enough without them", async () => {
    const error = await assertRejects(() => load(files({ chat_template: "" })), DenoiseError);
    assertEquals(error.code, "missing_file");
  });
});
