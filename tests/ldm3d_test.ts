/**
 * LDM3D: the depth beside the images, and what is said to autoencoders without one.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { Generator } from "@denoise/core";
import { StableDiffusionLDM3DPipeline } from "@denoise/denoise";
import { assertWithin, type Golden, largest, readGolden } from "./support/golden.ts";
import { FEW, PROMPT, refuses } from "./support/refusals.ts";
import { loadTask, type Task } from "./support/tasks.ts";

interface Case {
  readonly task: string;
  readonly call: { readonly prompt: string; readonly num_inference_steps: number };
  readonly seed: number;
  readonly depth: string;
}

const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("ldm3d");
/** A pixel of 255 may be rounded to either side: one of the high byte, and one of the low one. */
const ROUNDED = 256 + 1;

async function load(task: string) {
  const { head } = await readGolden<Task>(`tasks/${task}`);
  return StableDiffusionLDM3DPipeline.fromPipe(await loadTask(head));
}

for (const { task, call, seed, depth: name } of golden.head.cases) {
  describe(`StableDiffusionLDM3DPipeline of ${task}`, () => {
    let pipe: Awaited<ReturnType<typeof load>>;
    beforeAll(async () => {
      pipe = await load(task);
    });
    afterAll(() => pipe.dispose());

    it("gives the depth of diffusers", async () => {
      const { depth, images } = await pipe(call.prompt, {
        numInferenceSteps: call.num_inference_steps,
        generator: new Generator(seed),
      });
      const [, , height, width] = depth!.dims as [number, number, number, number];
      assertEquals([depth!.dims.slice(0, 2), [width, height]], [
        [1, 1],
        [images[0]!.width, images[0]!.height],
      ]);
      assertWithin(largest(depth!.squeeze(1), golden.tensors.get(name)!), ROUNDED, "depth");
      const ours = depth!.toFloat32Array();
      assert(Math.max(...ours) - Math.min(...ours) > 40 * ROUNDED, "the depth says nothing");
    });

    it("shows the colours on the way, and gives latents and tensors", async () => {
      const steps = pipe.stream(PROMPT, { ...FEW, outputType: "tensor" });
      const { value } = await steps.next();
      const [shown] = await (value as { preview(): Promise<{ channels: number }[]> }).preview();
      assertEquals(shown!.channels, 3);
      const tensor = await pipe(PROMPT, { ...FEW, outputType: "tensor" });
      assertEquals([tensor.images, tensor.tensor!.dims], [[], [1, 3, 32, 32]]);
      assertEquals(tensor.depth!.dims, [1, 1, 32, 32]);
      const latent = await pipe(PROMPT, { ...FEW, outputType: "latent" });
      assertEquals([latent.tensor!.dims, latent.depth], [[1, 4, 8, 8], undefined]);
    });
  });
}

describe("StableDiffusionLDM3DPipeline with a safety checker", () => {
  it("hides the depth of what it hides", async () => {
    const pipe = await load("ldm3d-safety");
    const found = [true, false, true];
    const own: Readonly<Record<string | symbol, unknown>> = {
      check: () => Promise.resolve(found),
      forCall: undefined,
    };
    const checker = pipe.safetyChecker!;
    pipe.safetyChecker = new Proxy(checker, {
      get: (_, name) => name in own ? own[name] : Reflect.get(checker, name, checker),
    });
    const { nsfwContentDetected, depth, images } = await pipe(PROMPT, {
      ...FEW,
      numImagesPerPrompt: found.length,
    });
    assertEquals(nsfwContentDetected, found);
    assertEquals(depth!.chunk(found.length).map((row) => row.max().item() === 0), found);
    assertEquals(images.map(({ data }) => data.every((x) => x === 0)), found);
    pipe.safetyChecker = checker;
    await pipe.dispose();
  });
});

refuses(
  "StableDiffusionLDM3DPipeline",
  () =>
    loadTask({
      pipeline: "StableDiffusionLDM3DPipeline",
      repo: "tiny-stable-diffusion",
    }),
  {},
  [
    ["an autoencoder of colours alone", {}, RangeError, "of 3 output channels"],
    ["sagScale", { sagScale: 1 }, TypeError, '"sagScale"'],
  ],
);
