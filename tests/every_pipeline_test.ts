/**
 * What holds for the calls of every class, on the first call that the reference made of each: what a
 * result has in it, latents that are taken out and given, previews, and components that are left out.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  type ComponentSpec,
  DenoiseError,
  Generator,
  type Model,
  type PipelineStep,
  Tensor,
} from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import { type AnyPipeline, registry } from "@denoise/denoise";
import type { AnyOutput } from "@denoise/loading";
import type { AnyClass } from "../functions/engine/tasks.ts";
import { assertWithin, camelCase, type Golden, readGolden } from "./support/golden.ts";
import { swapScheduler } from "./support/pipelines.ts";
import { compareTask, loadTask, type Task, taskValue } from "./support/tasks.ts";

const GOLDENS = new URL("golden/tasks/", import.meta.url);
const SEED = 5;
/** Classes whose goldens have embeddings of the prompt alone, and read an empty negative one. */
const READS = ["OvisImagePipeline"];
/** Steps of a call, where it does not say which timesteps it makes. */
const STEPS = 2;

/** The goldens of each class. */
const goldens = new Map<string, Golden<Task>[]>();
for (const { name } of [...Deno.readDirSync(GOLDENS)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!name.endsWith(".json")) continue;
  const golden: Golden<Task> = await readGolden(`tasks/${name.slice(0, -".json".length)}`);
  const { pipeline } = golden.head;
  goldens.set(pipeline, [...goldens.get(pipeline) ?? [], golden]);
}

/** A call of a class as its first golden has it, with few steps and one seed. */
function firstCall({ head, tensors }: Golden<Task>): [prompt: unknown, options: object] {
  const { prompt, ...rest } = head.cases[0]!.call;
  const options = Object.fromEntries(
    Object.entries(rest)
      .filter(([key, value]) => key !== "negative_prompt" || value !== null)
      .map(([key, value]) => [camelCase(key), taskValue(value, tensors)]),
  );
  const isPlanned = ["timesteps", "sigmas", "t1"].some((key) => key in options); // t1 is a place among the steps
  const takesFew = !/^PNDM/.test(head.pipeline); // it begins with four steps
  const isCounted = "numInferenceSteps" in options && !isPlanned && takesFew;
  return [prompt, { ...options, ...(isCounted ? { numInferenceSteps: STEPS } : {}), seed: SEED }];
}

for (const [className, all] of goldens) {
  const golden = all[0]!;
  const Class = await registry.get(className, "pipeline") as unknown as AnyClass;

  describe(className, () => {
    let pipe: AnyPipeline;
    const [prompt, options] = firstCall(golden);
    const args = (more: object) =>
      (Class.takesPrompt ? [prompt, { ...options, ...more }] : [{ ...options, ...more }]) as [
        Prompt,
        object,
      ];
    /** Makes the call, and gives its result with the latents after each step. */
    const run = async (more: object): Promise<{ output: AnyOutput; latents: Tensor[] }> => {
      const latents: Tensor[] = [];
      const callbackOnStepEnd = (step: PipelineStep) => void latents.push(step.latents);
      return { output: await pipe(...args({ ...more, callbackOnStepEnd })), latents };
    };
    const made = ({ images, audios = [] }: AnyOutput) => Class.makes === "audio" ? audios : images;

    beforeAll(async () => {
      pipe = await loadTask(golden.head);
      await swapScheduler(pipe, golden.head.cases[0]!, registry);
    });
    afterAll(() => pipe.dispose());

    it("gives the same by its name and as a tensor, and nothing by another name", async () => {
      const named = (await run({})).output;
      const known = [
        "images",
        "audios",
        "tensor",
        "depth",
        "furtherImages",
        "nsfwContentDetected",
        "watermarkDetected",
      ];
      assertEquals(Object.keys(named).filter((key) => !known.includes(key)), []);
      assert(made(named).length > 0);
      const { tensor, images } = (await run({ outputType: "tensor" })).output;
      assertEquals(images, []);
      assertEquals(tensor!.dims[0], made(named).length);
      const { watermarker } = pipe.components as { readonly watermarker?: unknown };
      if (Class.makes !== "images" || watermarker) return; // as in diffusers, images alone are marked
      for (const [i, image] of named.images.entries()) {
        const { data } = tensor!.select(0, i).permute([1, 2, 0]).mul(255);
        const off = image.data.findIndex((value, at) => Math.abs(value - Number(data[at])) > 0.501);
        assertEquals(off, -1, "an element of the tensor is another one than of the image");
      }
    });

    it("gives its latents, and begins with those that are given", async () => {
      const { options: declared } = Class as unknown as { options: Record<string, object> };
      const { output, latents } = await run({ outputType: "latent" });
      assertEquals(made(output), []);
      const { tensor } = output;
      assertInstanceOf(tensor, Tensor);
      if (!("latents" in declared)) return;
      const count = "videoLength" in declared ? 1 : tensor.dims[0]!; // those of the first of a series
      const [last] = latents.slice(-1) as [Tensor];
      const generators = Array.from({ length: count }, (_, i) => new Generator(SEED + i));
      // a prior that is part of the pipeline begins with them, as in diffusers
      const { priorPrior: prior } = { ...pipe.components as object } as { priorPrior?: Model };
      const width = (prior?.config as { embedding_dim?: number } | undefined)?.embedding_dim;
      const shape = width === undefined ? last.dims.slice(1) : [width];
      const areTokens = last.dtype === "int64"; // of a codebook
      const drawn = areTokens
        ? Tensor.cat(generators.map((one) => one.rand([1, ...shape]))).mul(30).astype("int64")
        : Tensor.cat(generators.map((one) => one.randn([1, ...shape])));
      const half = drawn.mul(0.5).astype(drawn.dtype);
      const given = (await run({ outputType: "latent", latents: drawn })).latents;
      const other = (await run({ outputType: "latent", latents: half })).latents;
      assert(other[0]!.data.some((x, i) => x !== given[0]!.data[i]), "latents change nothing");
      const drawsBefore = "priorScheduler" in pipe.components; // vectors of images
      const isDrawn = !Class.control && !drawsBefore && !areTokens;
      if (Class.task[0] === "text-to-image" && isDrawn) {
        assertEquals(given.at(-1)!.data, last.data, "not the noise of the seed");
      }
      const wrong = drawn.slice(1, 0, 1);
      const error = await assertRejects(() => run({ latents: wrong }), Error);
      assert(error instanceof TypeError || error instanceof RangeError, `${error}`);
      assert(error.message.includes(`[${wrong.dims.join(", ")}]`), error.message);
    });

    it("shows its steps by its autoencoder and by colours alone", async () => {
      if (Class.makes !== "images") return;
      const { images: [image] } = (await run({})).output;
      const sizes: number[][] = [];
      for (const preview of ["vae", "linear"]) {
        const steps = pipe.stream(...args({ preview }));
        const { value } = await steps.next() as { readonly value: PipelineStep };
        const [shown] = await value.preview();
        await steps.return(undefined as never);
        // random autoencoders are far beyond black and white
        assert(new Set(shown!.data).size > 1, `"${preview}" shows one colour`);
        sizes.push([shown!.width, shown!.height]);
      }
      const [decoded, linear] = sizes as [[number, number], [number, number]];
      assertEquals(decoded, [image!.width, image!.height]);
      assertEquals(decoded[0] * linear[1], decoded[1] * linear[0], `${sizes}`);
    });

    it("refuses sizes that its latents cannot have, or makes what it says it makes", async () => {
      if (!("width" in Class.options)) return;
      const made = await run({ width: 35 }).catch((error: Error) => error);
      if (!(made instanceof Error)) { // brought to one that it can make, as in diffusers
        const { height, width } = made.output.images[0]!;
        assert(height % 2 === 0 && width % 2 === 0, `${width}x${height}`);
        return;
      }
      assert(made instanceof RangeError, `${made}`);
      const said = /35.*(divisible by|multiples? of) \d+|hint of \d+x\d+: .* must be \d+x\d+/;
      assert(said.test(made.message), made.message);
    });

    const optional = Object.entries(Class.spec as Record<string, ComponentSpec>)
      .filter(([_, part]) => part.optional).map(([role]) => role);

    it("says what it lacks where parts that it may lack are null, if they are needed", async () => {
      const none = Object.fromEntries(optional.map((role) => [role, null]));
      const bare = await loadTask(golden.head, none);
      await swapScheduler(bare, golden.head.cases[0]!, registry);
      for (const role of optional) {
        assertEquals((bare.components as Record<string, unknown>)[role], null);
      }
      const error = await bare(...args({})).then(() => undefined, (error: Error) => error);
      await bare.dispose();
      if (error === undefined) return;
      assert(error instanceof DenoiseError, `${error}`);
      assertEquals(error.code, "missing_component");
    });

    const embedded = all.flatMap((one) =>
      one.head.cases
        .filter(({ call }) => !call.prompt && !call.negative_prompt && "prompt_embeds" in call)
        .filter(() => !READS.includes(className))
        .map((call) => ({ one, call }))
    );
    const texts = optional.filter((role) => /^(text|token)/.test(role));

    for (const { one, call } of texts.length === 0 ? [] : embedded) {
      it(`needs nothing that reads texts for embeddings: ${one.head.repo}, ${call.name}`, async () => {
        const none = Object.fromEntries(texts.map((role) => [role, null]));
        const bare = await loadTask(one.head, none);
        await swapScheduler(bare, call, registry);
        const { pixels, samples } = await compareTask(bare, call, one)
          .finally(() => bare.dispose());
        assertWithin(pixels, 1, "pixels"); // a rounding may fall on either side
        assertWithin(samples, 1e-4, "samples"); // what is promised for audio
      });
    }
  });
}
