/**
 * What Z-Image, Qwen-Image and FLUX.2 klein refuse, and what they warn of.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import {
  DenoiseImage,
  DiffusionPipeline,
  QwenImageEditInpaintPipeline,
  randn,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const warnings: string[] = [];
const load = (repo: string) =>
  DiffusionPipeline.fromPretrained(fixture(repo), { onWarning: (text) => warnings.push(text) });
const plainImage = (width: number, height: number) =>
  new DenoiseImage(width, height, 3, new Uint8Array(width * height * 3).fill(90));

describe("a prompt that is too long", () => {
  for (
    const [repo, options] of [
      ["tiny-z-image", { guidanceScale: 0 }],
      ["tiny-qwen-image", {}],
      ["tiny-flux2-klein", {}],
    ] as const
  ) {
    it(`is cut by ${repo} with a warning that quotes what was cut`, async () => {
      await using pipe = await load(repo);
      warnings.length = 0;
      const call = { height: 32, width: 32, numInferenceSteps: 2, maxSequenceLength: 12, seed: 0 };
      await pipe("a red apple on the very last branch", { ...call, ...options });
      assertEquals(warnings.length, 1);
      assert(warnings[0]!.includes("maxSequenceLength is set to 12 tokens"), warnings[0]);
      assert(warnings[0]!.includes("last branch"), warnings[0]);
    });
  }
});

describe("Flux2KleinPipeline", () => {
  const loaded = load("tiny-flux2-klein");
  afterAll(async () => (await loaded).dispose());
  const cases = [
    ["an empty list of images", [], "the list is empty"],
    ["an image with a short side", [plainImage(64, 40)], "its sides must be at least 64"],
    ["an image that is too long", [plainImage(640, 64)], "no side may be more than 8 times"],
  ] as const;
  for (const [what, image, message] of cases) {
    it(`refuses ${what}`, async () => {
      const pipe = await loaded;
      await assertRejects(() => pipe("x", { image, numInferenceSteps: 1 }), RangeError, message);
    });
  }
});

describe("pipelines that edit with Qwen-Image", () => {
  it("want an image, and no more than they read", async () => {
    await using pipe = await load("tiny-qwen-image-edit");
    await assertRejects(() => pipe("x", {}), TypeError, "image");
    const image = [plainImage(40, 40), plainImage(40, 40)];
    await assertRejects(() => pipe("x", { image }), RangeError, "Cannot edit 2 images");
    await assertRejects(() => pipe("x", { image: [] }), RangeError, "Cannot edit 0 images");
  });
});

describe("ZImagePipeline", () => {
  const loaded = load("tiny-z-image");
  afterAll(async () => (await loaded).dispose());

  it("refuses embeddings alone in a guided call, and other numbers of negative ones", async () => {
    const pipe = await loaded;
    const promptEmbeds = [randn([6, 16]), randn([3, 16])];
    await assertRejects(() => pipe(undefined, { promptEmbeds }), TypeError, "negativePromptEmbeds");
    const call = { promptEmbeds, negativePromptEmbeds: [randn([3, 16])], height: 32, width: 32 };
    await assertRejects(() => pipe(undefined, call), RangeError, "Cannot pair 1 negative prompts");
  });

  it("refuses sizes that are no whole tokens, and a limit that is none", async () => {
    const pipe = await loaded;
    await assertRejects(() => pipe("x", { height: 36 }), RangeError, "divisible by 8");
    const call = { height: 32, width: 32, cfgNormalization: -1 };
    await assertRejects(() => pipe("x", call), TypeError, "cfgNormalization");
  });
});

describe("QwenImageEditInpaintPipeline", () => {
  it("refuses several images, sizes, and calls without a mask", async () => {
    await using pipe = await QwenImageEditInpaintPipeline.fromPretrained(
      fixture("tiny-qwen-image-edit"),
      { onWarning: () => {} },
    );
    const [image, maskImage] = [plainImage(40, 40), plainImage(40, 40)];
    await assertRejects(() => pipe("a", { image } as never), TypeError, "maskImage");
    await assertRejects(
      () => pipe("a", { image, maskImage, height: 64 } as never),
      TypeError,
      "height",
    );
    await assertRejects(
      () => pipe("a", { image: [image, image], maskImage }),
      RangeError,
      "takes one",
    );
  });
});
