/**
 * What Z-Image, Qwen-Image, FLUX.2 and FLUX.3 refuse, and what they warn of.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import {
  DenoiseImage,
  DiffusionPipeline,
  QwenImageEditInpaintPipeline,
  randn,
} from "@denoise/denoise";
import { splitQuotation } from "@denoise/longcat-image";
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
      ["tiny-ovis-image", { guidanceScale: 1 }],
      ["tiny-flux3", { guidanceScale: 1 }],
      ["tiny-flux3-distilled", {}],
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

for (const repo of ["tiny-flux2-klein", "tiny-flux2-dev"]) {
  describe(`${repo} as a pipeline`, () => {
    const loaded = load(repo);
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
}

describe("Flux2Pipeline", () => {
  const loaded = load("tiny-flux2-dev");
  afterAll(async () => (await loaded).dispose());
  const call = { height: 32, width: 32, numInferenceSteps: 1, seed: 0 };

  it("warns of a prompt that the message of the system leaves no room for", async () => {
    const pipe = await loaded;
    warnings.length = 0;
    await pipe("a red apple on the very last branch", { ...call, maxSequenceLength: 110 });
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("last branch"), warnings[0]);
  });

  it("refuses what it does not know, by name", async () => {
    const pipe = await loaded;
    for (const name of ["negativePrompt", "captionUpsampleTemperature"]) {
      const options = { ...call, [name]: name === "negativePrompt" ? "x" : 0.15 } as never;
      await assertRejects(() => pipe("x", options), TypeError, name);
    }
  });

  it("says that it has no tokenizer where prompts are given", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-flux2-dev"), {
      tokenizer: null,
      onWarning: () => {},
    });
    const error = await assertRejects(() => pipe("x", call), DenoiseError);
    assertEquals(error.code, "missing_component");
  });
});

describe("Flux3ModularPipeline", () => {
  const loaded = load("tiny-flux3");
  afterAll(async () => (await loaded).dispose());
  const small = { height: 32, width: 32, numInferenceSteps: 1 };

  it("refuses several prompts, an empty list of images, small ones of several, and sizes of no whole tokens", async () => {
    const pipe = await loaded;
    await assertRejects(() => pipe(["x", "y"], small), TypeError, "takes one in a call");
    await assertRejects(() => pipe("x", { ...small, image: [] }), RangeError, "the list is empty");
    const image = [plainImage(40, 40), plainImage(12, 40)];
    await assertRejects(() => pipe("x", { image }), RangeError, "must be at least 16 pixels");
    await assertRejects(() => pipe("x", { ...small, width: 36 }), RangeError, "divisible by 8");
  });

  it("refuses negative embeddings that are not as many as the others", async () => {
    const pipe = await loaded;
    const embeds = { promptEmbeds: randn([3, 5, 64]), negativePromptEmbeds: randn([2, 4, 64]) };
    await assertRejects(
      () => pipe(undefined, { ...small, ...embeds }),
      RangeError,
      "Cannot pair 2 negative prompts with 3",
    );
  });

  it("makes images of embeddings of several prompts, whatever the length of one negative one", async () => {
    const pipe = await loaded;
    const embeds = { promptEmbeds: randn([2, 5, 64]), negativePromptEmbeds: randn([1, 9, 64]) };
    const { images } = await pipe(undefined, { ...small, ...embeds });
    assertEquals(images.length, 2);
  });

  it("warns of a negative prompt without guidance", async () => {
    const pipe = await loaded;
    warnings.length = 0;
    await pipe("x", { ...small, negativePrompt: "y", guidanceScale: 1, seed: 0 });
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("negative prompt is without effect"), warnings[0]);
  });
});

describe("AnimaModularPipeline", () => {
  const loaded = load("tiny-anima");
  afterAll(async () => (await loaded).dispose());
  const small = { height: 32, width: 32, numInferenceSteps: 1 };

  it("refuses sizes of no whole tokens, lists of other lengths and images that are not as many as prompts", async () => {
    const pipe = await loaded;
    await assertRejects(() => pipe("x", { ...small, width: 36 }), RangeError, "divisible by 8");
    const negativePrompt = ["a", "b", "c"];
    await assertRejects(() => pipe(["x", "y"], { ...small, negativePrompt }), RangeError, "pair 3");
    const image = [plainImage(32, 32), plainImage(32, 32), plainImage(32, 32)];
    await assertRejects(() => pipe(["x", "y"], { ...small, image }), RangeError, "by 3 images");
    const tooLarge = { ...small, width: 8 * 260 };
    await assertRejects(() => pipe("x", tooLarge), RangeError, "at most 240");
  });

  it("says what is missing where it has no conditioner", async () => {
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-anima"), {
      textConditioner: null,
    } as never);
    const error = await assertRejects(() => pipe("x", small), DenoiseError, "text_conditioner");
    assertEquals(error.code, "missing_component");
  });
});

describe("Flux3DistilledModularPipeline", () => {
  it("refuses guidance, which it does not know", async () => {
    await using pipe = await load("tiny-flux3-distilled");
    for (const options of [{ guidanceScale: 2 }, { negativePrompt: "y" }]) {
      await assertRejects(() => pipe("x", options), TypeError, Object.keys(options)[0]!);
    }
  });

  it("refuses a transformer that does not know where a step leads to", async () => {
    await using base = await load("tiny-flux3");
    const { transformer } = base.components;
    await using pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-flux3-distilled"), {
      transformer,
    });
    const call = { height: 32, width: 32, numInferenceSteps: 1 };
    await assertRejects(() => pipe("x", call), TypeError, "targetTimestep");
  });
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

describe("LongCatImageEditPipeline", () => {
  const loaded = load("tiny-longcat-image-edit");
  afterAll(async () => (await loaded).dispose());
  const image = plainImage(40, 40);

  it("wants one image and one prompt, and gives the size itself", async () => {
    const pipe = await loaded;
    await assertRejects(() => pipe("x", {}), TypeError, "image");
    await assertRejects(() => pipe("x", { image: [image, image] }), RangeError, "takes one");
    await assertRejects(() => pipe("x", { image: [] }), RangeError, "takes one");
    await assertRejects(() => pipe(["x", "y"], { image }), RangeError, "by 2 prompts");
    await assertRejects(() => pipe("x", { image, height: 64 } as never), TypeError, "height");
  });
});

describe("LongCatImagePipeline", () => {
  const loaded = load("tiny-longcat-image");
  afterAll(async () => (await loaded).dispose());
  const call = { height: 32, width: 32, numInferenceSteps: 1, guidanceScale: 1, seed: 0 };

  it("warns of a prompt of more than 512 tokens, and quotes what was cut", async () => {
    const pipe = await loaded;
    warnings.length = 0;
    await pipe(`${"an apple, ".repeat(300)} on the last branch`, call);
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("last branch"), warnings[0]);
  });

  it("refuses to rewrite prompts, and takes a call that says so", async () => {
    const pipe = await loaded;
    const rewritten = { ...call, enablePromptRewrite: true };
    await assertRejects(() => pipe("x", rewritten), RangeError, "enablePromptRewrite");
    await pipe("x", { ...call, enablePromptRewrite: false });
  });

  it("tells words with several apostrophes from quotations", () => {
    const parts = splitQuotation(`it's 'a b', don't "c's"`);
    assertEquals(parts, [
      { text: "it's ", quoted: false },
      { text: "'a b'", quoted: true },
      { text: ", don't ", quoted: false },
      { text: '"c\'s"', quoted: true },
    ]);
  });
});

describe("QwenImageLayeredPipeline", () => {
  const loaded = load("tiny-qwen-image-layered");
  afterAll(async () => (await loaded).dispose());
  const call = { image: plainImage(40, 40), numInferenceSteps: 2, layers: 2 };

  it("wants one image, a prompt, and what the model has learned", async () => {
    const pipe = await loaded;
    await assertRejects(() => pipe("x", {} as never), TypeError, "image");
    const several = { ...call, image: [call.image, call.image] } as never;
    await assertRejects(() => pipe("x", several), TypeError, "image");
    for (const prompt of [undefined, "", " "]) {
      await assertRejects(() => pipe(prompt, call), TypeError, "without a prompt");
    }
    await assertRejects(() => pipe("x", { ...call, resolution: 512 }), RangeError, "640 and 1024");
    await assertRejects(() => pipe("x", { ...call, layers: 0 }), RangeError, "layers");
    await assertRejects(() => pipe("x", { ...call, height: 64 } as never), TypeError, "height");
  });

  it("gives each layer its recipe, and previews of the whole image", async () => {
    const pipe = await loaded;
    const run = pipe.stream("x", { ...call, numImagesPerPrompt: 2, seed: 4, preview: "linear" });
    let step = await run.next();
    while (!step.done) {
      const shown = await step.value.preview?.();
      assertEquals(shown?.length, 2);
      step = await run.next();
    }
    const { images } = step.value;
    assertEquals(images.map(({ channels }) => channels), [4, 4, 4, 4]);
    assertEquals(images.map(({ recipe }) => recipe?.seed), ["4", "4", "5", "5"]);
  });
});

describe("OvisImagePipeline", () => {
  it("takes at most 256 tokens, and states or prompts", async () => {
    await using pipe = await load("tiny-ovis-image");
    const call = { height: 32, width: 32, numInferenceSteps: 1 };
    await assertRejects(() => pipe("x", { ...call, maxSequenceLength: 257 }), RangeError, "256");
    const promptEmbeds = randn([1, 6, 12]);
    await assertRejects(() => pipe("x", { ...call, promptEmbeds }), TypeError, "either prompt");
  });
});

describe("ZImagePipeline", () => {
  const loaded = load("tiny-z-image");
  afterAll(async () => (await loaded).dispose());

  it("refuses embeddings alone in a guided call, and other numbers of negative ones", async () => {
    const pipe = await loaded;
    const promptEmbeds = [randn([6, 16]), randn([3, 16])];
    await assertRejects(() => pipe(undefined, { promptEmbeds }), TypeError, "negativePromptEmbeds");
    await assertRejects(() => pipe(), TypeError, "either prompt or promptEmbeds");
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
