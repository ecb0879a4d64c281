/**
 * Priors of Kandinsky against diffusers (scripts/reference/kandinsky_prior_goldens.py), and the decoder with what
 * they give.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Generator, type Tensor } from "@denoise/core";
import {
  DiffusionPipeline,
  KandinskyV22Pipeline,
  KandinskyV22PriorEmb2EmbPipeline,
  KandinskyV22PriorPipeline,
  registry,
} from "@denoise/denoise";
import {
  assertWithin,
  camelCase,
  fixture,
  type Golden,
  readGolden,
  relativeDifference,
} from "./support/golden.ts";
import { grey } from "./support/refusals.ts";
import { type Task, type TaskValue, taskValue } from "./support/tasks.ts";

interface Case {
  readonly pipeline: string;
  readonly name: string;
  readonly seeds: readonly number[];
  readonly call: Readonly<Record<string, TaskValue>>;
  readonly image_embeds: string;
  readonly negative_image_embeds: string;
}

const REPO = fixture("tiny-kandinsky22-prior");
const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("kandinsky_prior");

describe("priors of Kandinsky", () => {
  for (const { pipeline, name, seeds, call, ...wanted } of golden.head.cases) {
    it(`give the vectors of diffusers: ${pipeline}, ${name}`, async () => {
      const Class = await registry.get(pipeline, "pipeline") as typeof KandinskyV22PriorPipeline;
      const pipe = await Class.fromPretrained(REPO, { registry });
      const tensors = golden.tensors as Golden<Task>["tensors"];
      const { prompt, ...options } = Object.fromEntries(
        Object.entries(call).map(([key, value]) => [camelCase(key), taskValue(value, tensors)]),
      ) as { prompt: string };
      const generator = seeds.map((seed) => new Generator(seed));
      const output = await pipe(prompt, { ...options, generator });
      for (const key of ["image_embeds", "negative_image_embeds"] as const) {
        const found = output[camelCase(key) as "imageEmbeds"];
        const expected: Tensor = golden.tensors.get(wanted[key])!;
        assertEquals(found.dims, expected.dims);
        // float32 on both sides; guidance multiplies differences of 1e-6
        assertWithin(relativeDifference(found, expected), 1e-4, key);
      }
      await pipe.dispose();
    });
  }

  it("refuse other numbers of images and negative prompts, and strengths that leave no step", async () => {
    const pipe = await KandinskyV22PriorEmb2EmbPipeline.fromPretrained(REPO);
    const image = grey(20, 20);
    const few = { numInferenceSteps: 2, seed: 1 };
    await assertRejects(
      () => pipe("a cat", { image: [image, image], ...few }),
      RangeError,
      "1 prompts with 2 images",
    );
    await assertRejects(
      () => pipe("a cat", { image, strength: 0.1, ...few }),
      RangeError,
      "of 2 steps none is left",
    );
    await assertRejects(
      () => pipe("a cat", { image, negativePrompt: ["a", "b"], ...few }),
      RangeError,
      "2 negative prompts with 1 prompts",
    );
    await pipe.dispose();
  });

  it("are loaded by their repo, and the decoder makes images with what they give", async () => {
    const any = await DiffusionPipeline.fromPretrained(REPO);
    assertEquals([any.className, any.makes], ["KandinskyV22PriorPipeline", "embeddings"]);
    const prior = await KandinskyV22PriorPipeline.fromPretrained(REPO);
    const decoder = await KandinskyV22Pipeline.fromPretrained(fixture("tiny-kandinsky22"));
    const draw = async (prompt: string) => {
      const embeds = await prior(prompt, { numInferenceSteps: 3, seed: 1 });
      const call = { ...embeds, height: 64, width: 64, numInferenceSteps: 2, seed: 1 };
      return (await decoder(call)).images[0]!.data;
    };
    const [apple, cat] = [await draw("a red apple"), await draw("a cat at night")];
    assert(apple.some((x, i) => x !== cat[i]), "the prompt has no part in it");
    await Promise.all([any.dispose(), prior.dispose(), decoder.dispose()]);
  });
});
