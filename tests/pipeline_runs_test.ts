/**
 * What holds for every run of a pipeline, whatever it draws: one seed an image, no state between
 * runs, cancellation, streaming.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Image } from "@denoise/core";
import {
  DDIMScheduler,
  DDPMPipeline,
  EulerDiscreteScheduler,
  Generator,
  StableDiffusionPipeline,
  Tensor,
} from "@denoise/denoise";

const REPO = new URL("./fixtures/tiny-stable-diffusion", import.meta.url).pathname;
const DDPM = new URL("./fixtures/tiny-ddpm", import.meta.url).pathname;
const pipe = await StableDiffusionPipeline.fromPretrained(REPO);
const QUICK = { numInferenceSteps: 3 };

function pixels(images: readonly Image[]): string[] {
  return images.map(({ data }) => data.toHex());
}

describe("StableDiffusionPipeline", () => {
  it("makes the same image alone, in a batch and at any place in it", async () => {
    const alone = await pipe("a red apple", { ...QUICK, seed: 12 });
    const batch = await pipe(["a cat", "a red apple", "a dog"], { ...QUICK, seed: 11 });
    assertEquals(pixels(batch.images)[1], pixels(alone.images)[0]);
    const several = await pipe("a red apple", { ...QUICK, seed: 10, numImagesPerPrompt: 4 });
    assertEquals(pixels(several.images)[2], pixels(alone.images)[0]);
    assertEquals(several.images.map(({ recipe }) => recipe?.seed), ["10", "11", "12", "13"]);
  });

  it("takes seed n and a generator of seed n as the same", async () => {
    const seeded = await pipe("a cat", { ...QUICK, seed: 3 });
    const generated = await pipe("a cat", { ...QUICK, generator: new Generator(3) });
    assertEquals(pixels(generated.images), pixels(seeded.images));
  });

  it("gives eight concurrent runs the images that they give alone, bit for bit", async () => {
    const runs = Array.from({ length: 8 }, (_, i) => ({
      prompt: `image ${i}`,
      options: { numInferenceSteps: 2 + i % 3, seed: i, guidanceScale: 1 + i },
    }));
    const alone = [];
    for (const { prompt, options } of runs) alone.push((await pipe(prompt, options)).images);
    const together = await Promise.all(runs.map(({ prompt, options }) => pipe(prompt, options)));
    assertEquals(together.map(({ images }) => pixels(images)), alone.map(pixels));
  });

  it("keeps the scheduler of a run that goes on when another is put in its place", async () => {
    const own = await StableDiffusionPipeline.fromPretrained(REPO);
    const expected = await own("a cat", { ...QUICK, seed: 5 });
    const run = own.stream("a cat", { ...QUICK, seed: 5 });
    await run.next();
    own.scheduler = EulerDiscreteScheduler.fromConfig(own.scheduler.config);
    let last = await run.next();
    while (!last.done) last = await run.next();
    assertEquals(pixels(last.value.images), pixels(expected.images));
    assert(
      pixels((await own("a cat", { ...QUICK, seed: 5 })).images)[0] !== pixels(expected.images)[0],
    );
    await own.dispose();
  });

  it("streams its steps with previews and ends with what the call gives", async () => {
    const run = pipe.stream("a cat", { numInferenceSteps: 4, seed: 1 });
    const places: number[] = [];
    let next = await run.next();
    while (!next.done) {
      const { index, total, latents, preview } = next.value;
      assertEquals(total, 5, "PNDM costs one call more than steps");
      assertEquals(latents.dims, [1, 4, 8, 8]);
      if (index === 1) assertEquals((await preview())[0]?.width, 32);
      places.push(index);
      next = await run.next();
    }
    assertEquals(places, [0, 1, 2, 3, 4]);
    assertEquals(next.value.images.length, 1);
  });

  it("stops before the next step when its signal fires", async () => {
    const controller = new AbortController();
    let steps = 0;
    const error = await assertRejects(
      () =>
        pipe("a cat", {
          numInferenceSteps: 20,
          signal: controller.signal,
          callbackOnStepEnd: () => {
            if (++steps === 2) controller.abort();
          },
        }),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    assertEquals(steps, 2);
    assertEquals((await pipe("a cat", QUICK)).images.length, 1, "the pipeline works on");
  });

  it("goes on with the latents that a callback gives", async () => {
    const zeros = { callbackOnStepEnd: () => ({ latents: Tensor.zeros([1, 4, 8, 8]) }) };
    const { tensor } = await pipe("a cat", { ...QUICK, ...zeros, outputType: "latent" });
    assertEquals(tensor!.max().item(), 0);
  });

  it("refuses latents of another shape from a callback", async () => {
    const callbackOnStepEnd = () => ({ latents: Tensor.zeros([1, 4, 2, 2]) });
    await assertRejects(
      () => pipe("a cat", { ...QUICK, callbackOnStepEnd }),
      TypeError,
      "callback",
    );
  });

  it("gives tensors and latents instead of images", async () => {
    const { tensor, images } = await pipe("a cat", { ...QUICK, outputType: "tensor", seed: 0 });
    assertEquals(images, []);
    assertEquals(tensor!.dims, [1, 3, 32, 32]);
    assert(tensor!.min().item() >= 0 && tensor!.max().item() <= 1);
    const latent = await pipe("a cat", { ...QUICK, outputType: "latent" });
    assertEquals(latent.tensor!.dims, [1, 4, 8, 8]);
  });

  it("makes images of other sizes, wide and high", async () => {
    const { images } = await pipe("a cat", { ...QUICK, width: 48, height: 24 });
    assertEquals([images[0]!.width, images[0]!.height], [48, 24]);
  });

  it("warns with the words that were cut from a long prompt", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const own = await StableDiffusionPipeline.fromPretrained(REPO, { onWarning });
    await own("apple ".repeat(200), { numInferenceSteps: 1 });
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("truncated") && warnings[0]!.includes("apple"));
    await own.dispose();
  });

  it("takes an empty prompt and words that it never saw", async () => {
    assertEquals((await pipe("", QUICK)).images.length, 1);
    assertEquals((await pipe("zxqv ☃ 日本 🙂", QUICK)).images.length, 1);
  });

  it("says what is wrong with a call", async () => {
    const calls: [() => Promise<unknown>, string][] = [
      [() => pipe(), "either prompt or promptEmbeds"],
      [
        () => pipe("a", { promptEmbeds: Tensor.zeros([1, 77, 32]) }),
        "either prompt or promptEmbeds",
      ],
      [() => pipe("a", { width: 30 }), "divisible by 8"],
      [() => pipe("a", { height: 0 }), "divisible by 8"],
      [() => pipe("a", { numInferenceSteps: 0 }), "integer from 1"],
      [() => pipe("a", { numInferenceSteps: 2.5 }), "integer from 1"],
      [() => pipe("a", { numInferenceSteps: 1001 }), "integer from 1 to 1000"],
      [() => pipe("a", { numImagesPerPrompt: 0 }), "numImagesPerPrompt 0"],
      [() => pipe(["a", "b"], { negativePrompt: ["c"] }), "one for all, or one for each"],
      [() => pipe("a", { outputType: "pil" as "image" }), '"image", "tensor" or "latent"'],
      [() => pipe("a", { latents: Tensor.zeros([1, 4, 4, 4]) }), "[1, 4, 8, 8]"],
      [
        () => pipe("a", { generator: [new Generator(0), new Generator(1)] }),
        "one generator for each",
      ],
      [() => pipe("a", { seed: 1, generator: new Generator(1) }), "either seed or generator"],
      [() => pipe("a", { timesteps: [900, 500, 100] }), "takes no timesteps"],
    ];
    for (const [call, message] of calls) {
      const error = await assertRejects(call) as Error;
      assert(error.message.includes(message), `${error.message} should say "${message}"`);
    }
    assertEquals((await pipe("a cat", QUICK)).images.length, 1, "the pipeline works on");
  });
});

describe("DDPMPipeline", () => {
  it("makes each image of a batch from its own seed", async () => {
    const ddpm = await DDPMPipeline.fromPretrained(DDPM);
    const options = { numInferenceSteps: 4 };
    const { images } = await ddpm({ ...options, batchSize: 3, seed: 20 });
    const { images: [alone] } = await ddpm({ ...options, seed: 21 });
    assertEquals(pixels(images)[1], pixels([alone!])[0]);
    await ddpm.dispose();
  });

  it("is put together from parts", async () => {
    const ddpm = await DDPMPipeline.fromPretrained(DDPM);
    const { unet, scheduler } = ddpm.components;
    const other = new DDPMPipeline({ unet, scheduler: DDIMScheduler.fromConfig(scheduler.config) });
    assertEquals((await other({ numInferenceSteps: 2, outputType: "tensor" })).tensor!.dims[0], 1);
    await ddpm.dispose();
  });
});
