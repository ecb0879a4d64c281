/**
 * What pipelines that change images say to images, masks and options that cannot be.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import type { AnyPipeline } from "@denoise/loading";
import {
  DenoiseImage,
  EulerDiscreteScheduler,
  HeunDiscreteScheduler,
  PNDMScheduler,
  Tensor,
} from "@denoise/denoise";
import { grey, PROMPT, type Refusal, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const FEW = { numInferenceSteps: 4, seed: 1 };

type Options = Record<string, unknown>;

function refusesWith(
  pipeline: string,
  good: Options,
  parts: Record<string, string>,
  all: readonly Refusal[],
  repo = "tiny-stable-diffusion",
): void {
  refuses(pipeline, () => loadTask({ pipeline, repo, parts }), { ...FEW, ...good }, all);
}

const STRENGTHS: Refusal[] = [
  ["a strength above 1", { strength: 1.5 }, RangeError, "strength 1.5: it must be"],
  ["a strength below 0", { strength: -0.1 }, RangeError, "strength -0.1: it must be"],
  ["a strength that is no number", { strength: NaN }, RangeError, "strength NaN"],
];
// The repo's PNDM plans one timestep more than steps, which is enough for image to image.
const NO_STEP: Refusal = ["no whole step", { strength: 0.1 }, RangeError, "none is left"];

refusesWith("StableDiffusionImg2ImgPipeline", { image: grey(32, 32) }, {}, [
  ...STRENGTHS,
  ["no image", { image: undefined }, TypeError, "image"],
  ["an empty list", { image: [] }, RangeError, "the list is empty"],
  ["bytes of no image", { image: new Uint8Array(64) }, SyntaxError, "PNG, JPEG"],
  ["images of two sizes", { image: [grey(32, 32), grey(40, 32)] }, TypeError, "40x32"],
  ["a tensor of five channels", { image: Tensor.zeros([1, 5, 32, 32]) }, TypeError, "1, 3 or 4"],
  [
    "three images for two to make",
    { image: [grey(32, 32), grey(32, 32), grey(32, 32)], numImagesPerPrompt: 2 },
    RangeError,
    "spread 3 images over 2",
  ],
]);

const INPAINT = { image: grey(32, 32), maskImage: grey(32, 32), height: 32, width: 32 };
refusesWith("StableDiffusionInpaintPipeline", INPAINT, {}, [
  ...STRENGTHS,
  NO_STEP,
  ["a mask without image", { image: undefined }, TypeError, "without image"],
  ["an image without mask", { maskImage: undefined }, TypeError, "without maskImage"],
  ["a size that is no multiple of 8", { height: 36 }, RangeError, "divisible by 8"],
  ["a negative crop", { paddingMaskCrop: -1 }, RangeError, "paddingMaskCrop -1"],
  [
    "a crop for tensors",
    { paddingMaskCrop: 8, outputType: "tensor" },
    TypeError,
    "paddingMaskCrop gives images",
  ],
  [
    "a crop of a tensor",
    { paddingMaskCrop: 8, image: Tensor.zeros([1, 3, 32, 32]) },
    TypeError,
    "image must be one image, not a tensor",
  ],
  [
    "a crop around a black mask",
    { paddingMaskCrop: 8, maskImage: new DenoiseImage(32, 32, 1, new Uint8Array(1024)) },
    RangeError,
    "black everywhere",
  ],
]);
refusesWith("StableDiffusionInpaintPipeline", INPAINT, {
  unet: "models/UNet2DConditionModel/depth",
}, [["a UNet of five channels", {}, RangeError, "4, or 9 with mask"]]);

const DEPTH = {
  unet: "models/UNet2DConditionModel/depth",
  depth_estimator: "models/DPTForDepthEstimation/plain",
  feature_extractor: "processors/DPTImageProcessor/dpt-32",
};
refusesWith("StableDiffusionDepth2ImgPipeline", { image: grey(32, 32) }, DEPTH, [
  ...STRENGTHS,
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  ["a flat depth map", { depthMap: Tensor.ones([1, 8, 8]) }, RangeError, "the same everywhere"],
  ["depth of three channels", { depthMap: Tensor.ones([1, 3, 8, 8]) }, TypeError, "[N, h, w]"],
]);
refusesWith("StableDiffusionDepth2ImgPipeline", { image: grey(32, 32) }, {
  ...DEPTH,
  unet: "models/UNet2DConditionModel/inpaint",
}, [["a UNet of nine channels", {}, RangeError, "it must have 5"]]);

refusesWith("LatentConsistencyModelPipeline", {}, {}, [
  ["a UNet without guidance embedding", {}, RangeError, "time_cond_proj_dim is null"],
]);
refusesWith("LatentConsistencyModelImg2ImgPipeline", { image: grey(32, 32) }, {}, [
  ["a strength above 1", { strength: 2 }, RangeError, "strength 2"],
  ["more steps than distilled", { numInferenceSteps: 90 }, RangeError, "90"],
], "tiny-lcm");

refusesWith("StableDiffusionUpscalePipeline", { image: grey(16, 16), noiseLevel: 5 }, {}, [
  ["a noise level above the most", { noiseLevel: 10 }, RangeError, "an integer from 0 to 9"],
  ["a noise level that is no integer", { noiseLevel: 1.5 }, RangeError, "noiseLevel 1.5"],
], "tiny-upscaler");

const X2 = { unet: "models/UNet2DConditionModel/latent_upscaler" };
refusesWith("StableDiffusionLatentUpscalePipeline", { image: grey(32, 32) }, X2, [
  ["a scheduler without sigmas", {}, TypeError, "it plans no sigmas"],
  ["no image", { image: undefined }, TypeError, "without image: give an image"],
  [
    "states without pooled ones",
    { negativePromptEmbeds: Tensor.zeros([1, 77, 16]) },
    TypeError,
    "without negativePooled",
  ],
  [
    "pooled text without states",
    { pooledPromptEmbeds: Tensor.zeros([1, 16]) },
    TypeError,
    "without promptEmbeds",
  ],
  [
    "two images of a prompt",
    { image: [grey(32, 32), grey(32, 32)] },
    RangeError,
    "spread 2 images",
  ],
]);
describe("StableDiffusionLatentUpscalePipeline refuses", () => {
  it("a UNet without the noise level of the small image", async () => {
    const pipeline = "StableDiffusionLatentUpscalePipeline";
    const repo = "tiny-stable-diffusion";
    const pipe = await loadTask({ pipeline, repo });
    const scheduler = EulerDiscreteScheduler.fromConfig({});
    pipe.scheduler = scheduler;
    await assertRejects(
      () => pipe(PROMPT, { ...FEW, image: grey(32, 32) }),
      RangeError,
      "it must have 8, for latents and the small latents",
    );
    await pipe.dispose();
  });

  it("an image whose latents do not halve as often as the UNet does", async () => {
    const pipeline = "StableDiffusionLatentUpscalePipeline";
    const pipe = await loadTask({
      pipeline,
      repo: "tiny-stable-diffusion",
      parts: X2,
    });
    pipe.scheduler = EulerDiscreteScheduler.fromConfig({ prediction_type: "sample" });
    await assertRejects(
      () => pipe(PROMPT, { ...FEW, image: grey(53, 38) }),
      RangeError,
      "on 26x18",
    );
    await pipe.dispose();
  });
});

refusesWith("LDMTextToImagePipeline", {}, {}, [
  ["a size that is no multiple of 8", { height: 36 }, RangeError, "divisible by 8"],
  ["latents of another size", { latents: Tensor.zeros([1, 4, 4, 4]) }, TypeError, "[1, 3, 2, 2]"],
  ["seed and generator", { generator: [] }, TypeError, "either seed or generator"],
  ["an output of another kind", { outputType: "pil" }, RangeError, 'outputType "pil"'],
], "tiny-ldm");

describe("LDMSuperResolutionPipeline refuses", () => {
  const all: [string, Options, new (message: string) => Error, string][] = [
    ["no image", {}, TypeError, "without image: give an image"],
    ["a tensor of integers", { image: Tensor.zeros([1, 3, 8, 8], "int64") }, TypeError, "float32"],
    ["a tensor of four channels", { image: Tensor.zeros([1, 4, 8, 8]) }, RangeError, "must have 7"],
  ];
  for (const [name, options, error, said] of all) {
    it(name, async () => {
      const repo = "tiny-ldm-super-resolution";
      const pipeline = "LDMSuperResolutionPipeline";
      const pipe = await loadTask({ pipeline, repo });
      await assertRejects(() => pipe({ ...FEW, ...options }), error, said);
      await pipe.dispose();
    });
  }
});

const XL: Refusal[] = [
  ["a denoisingEnd above 1", { denoisingEnd: 1.2 }, RangeError, "denoisingEnd 1.2"],
  [
    "text states without pooled ones",
    { negativePromptEmbeds: Tensor.zeros([1, 77, 32]) },
    TypeError,
    "negativePromptEmbeds alone",
  ],
  ["a second prompt that is no text", { prompt2: 5 }, TypeError, "prompt2"],
  ["to skip more layers than there are", { clipSkip: 9 }, RangeError, "skip 9 layers"],
];
const XL_REPO = "tiny-stable-diffusion-xl";
refusesWith("StableDiffusionXLPipeline", {}, {}, [
  ...XL,
  ["a size that is no multiple of 8", { width: 30 }, RangeError, "divisible by 8"],
], XL_REPO);
refusesWith("StableDiffusionXLImg2ImgPipeline", { image: grey(32, 32) }, {}, [
  ...XL,
  ...STRENGTHS,
  NO_STEP,
  ["a start of 0", { denoisingStart: 0 }, RangeError, "denoisingStart 0"],
  [
    "a start behind the end",
    { denoisingStart: 0.6, denoisingEnd: 0.5 },
    RangeError,
    "from denoisingStart 0.6 to denoisingEnd 0.5",
  ],
], XL_REPO);
refusesWith("StableDiffusionXLInpaintPipeline", INPAINT, {}, [
  ...XL,
  ...STRENGTHS,
  NO_STEP,
  ["a mask without image", { image: undefined }, TypeError, "without image"],
], XL_REPO);
refusesWith("StableDiffusionXLPipeline", {}, {}, [
  ["a refiner, which wants scores", {}, RangeError, "set requires_aesthetics_score"],
], "tiny-stable-diffusion-xl-refiner");

describe("a strength that leaves no timestep", () => {
  for (const Scheduler of [EulerDiscreteScheduler, HeunDiscreteScheduler, PNDMScheduler]) {
    const inpaints = Scheduler === PNDMScheduler;
    const pipeline = inpaints ? "StableDiffusionInpaintPipeline" : "StableDiffusionImg2ImgPipeline";
    it(`is refused by ${pipeline} with ${Scheduler.className}`, async () => {
      const pipe = await loadTask({
        pipeline,
        repo: "tiny-stable-diffusion",
      });
      try {
        pipe.scheduler = Scheduler.fromConfig(pipe.scheduler.config);
        const given = inpaints ? INPAINT : { image: grey(32, 32) };
        const call = (options: Options) => pipe(PROMPT, { ...FEW, ...given, ...options });
        await assertRejects(() => call({ strength: 0.24 }), RangeError, "at least 0.25");
        assertEquals((await call({ strength: 0.25 })).images.length, 1);
      } finally {
        await pipe.dispose();
      }
    });
  }
});

describe("images of any mode and size", () => {
  let pipe: AnyPipeline;
  beforeAll(async () => {
    const pipeline = "StableDiffusionImg2ImgPipeline";
    pipe = await loadTask({ pipeline, repo: "tiny-stable-diffusion" });
  });
  afterAll(() => pipe.dispose());

  for (const channels of [1, 4]) {
    it(`of ${channels} channels are taken as RGB`, async () => {
      const [same, plain] = await Promise.all([channels, 3].map(async (count) => {
        const data = new Uint8Array(32 * 32 * count).fill(128);
        if (count === 4) { for (let i = 3; i < data.length; i += 4) data[i] = 255; }
        const image = new DenoiseImage(32, 32, count, data);
        return (await pipe(PROMPT, { ...FEW, image })).images[0]!.data;
      }));
      assertEquals(same, plain);
    });
  }

  it("are the same alone, in a batch, and at any place in it", async () => {
    const image = grey(32, 32);
    const batch = await pipe(PROMPT, { ...FEW, image, numImagesPerPrompt: 2 });
    const second = await pipe(PROMPT, { ...FEW, image, seed: FEW.seed + 1 });
    assertEquals(batch.images[1]!.data, second.images[0]!.data);
  });
});
