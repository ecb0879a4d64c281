/**
 * aMUSEd: what its pipelines refuse, and that images do not depend on those beside them. What they make is held
 * against diffusers by tasks_test.ts.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { randn, Tensor } from "@denoise/core";
import {
  AmusedImg2ImgPipeline,
  AmusedPipeline,
  DDIMScheduler,
  UVit2DModel,
  VQModel,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, grey, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const WEIGHTS = "diffusion_pytorch_model.safetensors";
const REPO = fixture("tiny-amused");

function load(pipeline: string, parts: Record<string, string> = {}) {
  return () => loadTask({ pipeline, repo: "tiny-amused", parts });
}

refuses("AmusedPipeline", load("AmusedPipeline"), {}, [
  ["sides that are no whole tokens", { height: 30 }, RangeError, "divisible by 4, such as 32x32"],
  [
    "latents of another shape",
    { latents: Tensor.full([1, 4, 4], 1, "int64") },
    TypeError,
    "[1, 8, 8]",
  ],
  [
    "latents that are no tokens",
    { latents: Tensor.zeros([1, 8, 8]) },
    TypeError,
    "they are tokens, int64",
  ],
  [
    "tokens beyond the vocabulary",
    { latents: Tensor.full([1, 8, 8], 43, "int64") },
    RangeError,
    "ids from 0 to 42",
  ],
  [
    "a crop of three numbers",
    { microConditioningCropCoord: [1, 2, 3] },
    RangeError,
    "is two numbers",
  ],
  [
    "a temperature of three numbers",
    { temperature: [1, 2, 3] },
    TypeError,
    "temperature is a number or two",
  ],
  [
    "states without pooled text",
    { encoderHiddenStates: randn([1, 77, 32]) },
    TypeError,
    "give promptEmbeds of the same text",
  ],
  [
    "pooled text without states",
    { negativePromptEmbeds: randn([1, 12]) },
    TypeError,
    "give negativeEncoderHiddenStates",
  ],
  ["an image", { image: grey(32, 32) }, TypeError, "image"],
]);

refuses(
  "AmusedPipeline whose model halves the sides",
  load("AmusedPipeline", {
    transformer: "models/UVit2DModel/halved",
  }),
  {},
  [
    ["an odd number of tokens", { width: 36 }, RangeError, "divisible by 8, such as 40x32"],
  ],
);

refuses("AmusedImg2ImgPipeline", load("AmusedImg2ImgPipeline"), { image: grey(32, 32) }, [
  ["a strength that leaves no step", { strength: 0.4 }, RangeError, "of 2 steps none is left"],
  [
    "two images for a prompt",
    { image: [grey(32, 32), grey(32, 32)] },
    RangeError,
    "Cannot spread 2 images over 1",
  ],
]);

refuses("AmusedInpaintPipeline", load("AmusedInpaintPipeline"), {
  image: grey(32, 32),
  maskImage: grey(32, 32, 1),
}, [
  [
    "two masks for an image",
    { maskImage: [grey(32, 32, 1), grey(32, 32, 1)] },
    RangeError,
    "Cannot spread 2 masks over 1",
  ],
]);

describe("pipelines of aMUSEd", () => {
  it("refuse schedulers and autoencoders of other models", async () => {
    const pipe = await AmusedPipeline.fromPretrained(REPO);
    const { scheduler } = pipe;
    pipe.scheduler = new DDIMScheduler();
    await assertRejects(() => pipe("a cat"), TypeError, "use AmusedScheduler");
    pipe.scheduler = scheduler;
    const vqvae = await VQModel.fromPretrained(fixture("models/VQModel/ldm"));
    await assertRejects(
      () => AmusedPipeline.fromPretrained(REPO, { vqvae }).then((other) => other("a cat")),
      TypeError,
      "its lookup_from_codebook is false, and must be true",
    );
    const preview = pipe.stream("a cat", { numInferenceSteps: 1, preview: vqvae });
    await assertRejects(
      async () => {
        for await (const step of preview) await step.preview();
      },
      TypeError,
      "they are numbers of this one's codebook",
    );
    await Promise.all([pipe.dispose(), vqvae.dispose()]);
  });

  it("make an image that does not depend on those beside it, and differs by its prompt", async () => {
    const pipe = await AmusedPipeline.fromPretrained(REPO);
    const both = await pipe(["a cat", "a red apple"], { numInferenceSteps: 4, seed: 5 });
    const alone = await pipe("a red apple", { numInferenceSteps: 4, seed: 6 });
    assertEquals(both.images[1]!.data, alone.images[0]!.data);
    assertEquals(both.images[1]!.recipe?.prompt, "a red apple");
    const other = await pipe("a cat", { numInferenceSteps: 4, seed: 6 });
    assert(other.images[0]!.data.some((x, i) => x !== alone.images[0]!.data[i]));
    await pipe.dispose();
  });

  it("change an image with a seed of its own for each that is made", async () => {
    const pipe = await AmusedImg2ImgPipeline.fromPretrained(REPO);
    const call = { image: grey(32, 32), numInferenceSteps: 4 };
    const both = await pipe("a cat", { ...call, numImagesPerPrompt: 2, seed: 5 });
    const alone = await pipe("a cat", { ...call, seed: 6 });
    assertEquals(both.images[1]!.data, alone.images[0]!.data);
    await pipe.dispose();
  });

  it("show tokens on the way, and give them", async () => {
    const pipe = await AmusedPipeline.fromPretrained(REPO);
    for await (const step of pipe.stream("a cat", { numInferenceSteps: 2, preview: "linear" })) {
      const [image] = await step.preview();
      assertEquals([image!.width, image!.height], [32, 32]);
    }
    const { tensor } = await pipe("a cat", { numInferenceSteps: 2, outputType: "latent" });
    assertEquals([tensor!.dtype, tensor!.dims], ["int64", [1, 8, 8]]);
    await pipe.dispose();
  });
});

describe("AmusedPipeline", () => {
  it("lies in a folder and loads again", async () => {
    await assertSaved(await load("AmusedPipeline")(), {}, { transformer: "UVit2DModel" });
  });
});

describe("UVit2DModel", () => {
  it("refuses widths of the micro conditioning that do not divide", async () => {
    const from = fixture("models/UVit2DModel/plain");
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const config = JSON.parse(await Deno.readTextFile(`${from}/config.json`));
    const text = JSON.stringify({ ...config, micro_cond_embed_dim: 31 });
    await Deno.writeTextFile(`${folder}/config.json`, text);
    await Deno.copyFile(`${from}/${WEIGHTS}`, `${folder}/${WEIGHTS}`);
    await assertRejects(
      () => UVit2DModel.fromPretrained(folder),
      RangeError,
      "must be a multiple of micro_cond_encode_dim, 6",
    );
    await Deno.remove(folder, { recursive: true });
  });
});
