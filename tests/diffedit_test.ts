/**
 * DiffEdit's masks and inverted latents against diffusers, all three parts one after the other, and what is refused.
 *
 * @module
 */
import type { Prompt } from "@denoise/diffusion";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Generator, Tensor } from "@denoise/core";
import {
  DDIMInverseScheduler,
  DDIMScheduler,
  DenoiseError,
  type DenoiseImage,
  registry,
  StableDiffusionDiffEditPipeline,
} from "@denoise/denoise";
import { assertWithin, camelCase, readGolden, relativeDifference } from "./support/golden.ts";
import { FEW, grey, PROMPT, refuses } from "./support/refusals.ts";
import { loadTask, type TaskCall, taskValue } from "./support/tasks.ts";
import type { SchedulerClass } from "@denoise/core";

interface Case extends Pick<TaskCall, "name" | "scheduler" | "seeds" | "call"> {
  readonly method: "generate_mask" | "invert";
  readonly made: string;
}

const golden = await readGolden<{ readonly cases: readonly Case[] }>("diffedit");
const TASK = {
  pipeline: "StableDiffusionDiffEditPipeline",
  repo: "tiny-stable-diffusion",
};
const load = async () => StableDiffusionDiffEditPipeline.fromPipe(await loadTask(TASK));
/** The way to noise multiplies the roundings of a random UNet with each step more than the way back does. */
const LATENTS = 1e-2;

describe("StableDiffusionDiffEditPipeline", () => {
  let pipe: Awaited<ReturnType<typeof load>>;
  beforeAll(async () => {
    pipe = await load();
  });
  afterAll(() => pipe.dispose());

  for (const { name, method, scheduler, seeds, call, made } of golden.head.cases) {
    it(`${method} of ${name} is that of diffusers`, async () => {
      const own = pipe.scheduler;
      if (scheduler !== null) {
        const Class = await registry.get(scheduler.class, "scheduler") as unknown as SchedulerClass;
        const swapped = Class.fromConfig(own.config, scheduler.config);
        if (method === "invert") pipe.inverseScheduler = swapped;
        else pipe.scheduler = swapped;
      }
      const { prompt, ...rest } = call;
      const options = Object.fromEntries(
        Object.entries(rest).map(([key, value]) => [
          camelCase(key),
          taskValue(value, golden.tensors),
        ]),
      ) as unknown as { readonly image: DenoiseImage };
      const given = { ...options, generator: seeds.map((seed) => new Generator(seed)) };
      const expected = golden.tensors.get(made)!;
      if (method === "invert") {
        const { latents } = await pipe.invert(prompt as Prompt, given);
        assertWithin(relativeDifference(latents, expected), LATENTS, "latents");
      } else {
        const mask = await pipe.generateMask(given);
        assertEquals(mask.dims, expected.dims);
        assertEquals(mask.toFloat32Array(), expected.toFloat32Array());
      }
      pipe.scheduler = own;
    });
  }

  it("edits an image where two prompts differ", async () => {
    pipe.scheduler = DDIMScheduler.fromConfig(pipe.scheduler.config);
    pipe.inverseScheduler = DDIMInverseScheduler.fromConfig(pipe.scheduler.config);
    const shared = { image: grey(32, 32), seed: 1, numInferenceSteps: 5 };
    const maskImage = await pipe.generateMask({
      ...shared,
      sourcePrompt: PROMPT,
      targetPrompt: "a cat",
    });
    const { latents: imageLatents, images } = await pipe.invert(PROMPT, {
      ...shared,
      decodeLatents: true,
    });
    assertEquals(imageLatents.dims, [1, 4, 4, 8, 8]);
    assertEquals(images!.length, 4);
    const call = { maskImage, imageLatents, numInferenceSteps: 5, outputType: "latent" } as const;
    const { tensor } = await pipe("a cat", call);
    const outside = maskImage.unsqueeze(1).mul(-1).add(1);
    const last = imageLatents.select(1, 3);
    // what the mask leaves is what the last inverted latents have there
    assertEquals(tensor!.sub(last).mul(outside).abs().max().item(), 0);
    assert(tensor!.sub(last).abs().max().item() > 0);
    const { outputType } = call;
    const whole = { ...shared, sourcePrompt: PROMPT, outputType };
    assertEquals((await pipe("a cat", whole)).tensor!.data, tensor!.data);
    const half = { ...whole, maskImage };
    assertEquals((await pipe("a cat", half)).tensor!.data, tensor!.data);
  });

  it("inverts by DDIMInverseScheduler where a repo names none", async () => {
    const repo = new URL("fixtures/tiny-stable-diffusion", import.meta.url);
    await using loaded = await StableDiffusionDiffEditPipeline.fromPretrained(repo);
    const { inverseScheduler: inverse, scheduler } = loaded;
    assertEquals(inverse?.className, "DDIMInverseScheduler");
    const wanted = DDIMInverseScheduler.fromConfig(scheduler.config);
    assertEquals(inverse?.config, wanted.config);
  });

  it("says what it lacks", async () => {
    const image = grey(32, 32);
    pipe.inverseScheduler = null;
    await assertRejects(
      () => pipe.invert(PROMPT, { ...FEW, image }),
      DenoiseError,
      "DDIMInverseScheduler.fromConfig",
    );
    for (const name of ["numRegSteps", "num_reg_steps", "lambdaKl"]) {
      const regularized = { ...FEW, image, [name]: 5 };
      const reason = `with ${name}: the regularization follows gradients`;
      await assertRejects(async () => await pipe.invert(PROMPT, regularized), TypeError, reason);
    }
    const both = { image, sourcePrompt: PROMPT, targetPrompt: "a cat" };
    const wrong: [object, string][] = [
      [{ ...both, targetPrompt: undefined }, "prompt"],
      [{ ...both, maskEncodeStrength: 2 }, "maskEncodeStrength 2"],
      [{ ...both, numMapsPerMask: 0 }, "numMapsPerMask 0"],
      [{ ...both, targetPrompt: ["a", "b"] }, "1 and 2 prompts"],
      [{ ...both, outputType: "pil" }, '"outputType"'],
    ];
    for (const [options, said] of wrong) {
      await assertRejects(
        async () => await pipe.generateMask({ ...options as typeof both, numInferenceSteps: 4 }),
        Error,
        said,
      );
    }
  });
});

const GOOD = {
  maskImage: Tensor.ones([8, 8]),
  imageLatents: Tensor.zeros([1, 1, 4, 8, 8]),
};
refuses("StableDiffusionDiffEditPipeline", () => loadTask(TASK), GOOD, [
  ["a call without latents", { imageLatents: undefined }, TypeError, "image and sourcePrompt"],
  ["an image beside latents", { image: grey(8, 8) }, TypeError, "Cannot use image: what they are"],
  [
    "how to find a mask that is given",
    { imageLatents: undefined, image: grey(8, 8), sourcePrompt: "a", numMapsPerMask: 2 },
    TypeError,
    "Cannot use numMapsPerMask: what",
  ],
  [
    "a syntax for the mask",
    { imageLatents: undefined, image: grey(8, 8), sourcePrompt: "a", promptSyntax: "compel" },
    TypeError,
    "promptSyntax: the mask is found",
  ],
  ["latents of other steps", { numInferenceSteps: 10 }, RangeError, "of 1 prompts and 1 steps"],
  [
    "latents of another size",
    { imageLatents: Tensor.zeros([1, 1, 4, 8, 6]) },
    TypeError,
    "by a mask of 8x8",
  ],
  ["a size", { height: 32 }, TypeError, '"height"'],
]);
