/**
 * Whole pipelines against the images that diffusers makes of the same repos.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { DenoiseError, type ImageOutput } from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import { DiffusionPipeline, registry, StableDiffusionPipeline } from "@denoise/denoise";
import { assertWithin, camelCase, fixture, type Golden, readGolden } from "./support/golden.ts";
import { compareImages, type PipelineCall, swapScheduler } from "./support/pipelines.ts";

interface Head {
  readonly load: object;
  readonly printed: {
    readonly pipeline: string;
    readonly scheduler: string;
    readonly configs: Readonly<Record<string, Record<string, unknown>>>;
  };
  readonly cases: readonly PipelineCall[];
}

// A rounding at the edge between two values of 255 may fall on either side.
const PIXEL = 1;
// A random UNet under guidance multiplies differences: in diffusers itself, first latents that are
// changed by 1e-7 move the last ones by up to 1.2e-3 (guidance_rescale), mostly by under 1e-5.
const LATENTS = 2e-3;

const REPOS = [
  "tiny-stable-diffusion",
  "tiny-stable-diffusion-2",
  "tiny-ddpm",
  "tiny-ddpm-root",
  "tiny-ddpm-sharded",
  "tiny-ddim",
  "tiny-stable-diffusion-fp16",
];
const PROMPT = "a red apple on a blue background";

async function load(repo: string, options: object = {}): Promise<AnyPipeline> {
  return await DiffusionPipeline.fromPretrained(fixture(repo), { onWarning: () => {}, ...options });
}

for (const repo of REPOS) {
  const golden: Golden<Head> = await readGolden(`pipelines/${repo}`);
  describe(`${repo} gives the images of diffusers`, () => {
    let pipe: AnyPipeline;
    let ownScheduler: AnyPipeline["scheduler"];
    beforeAll(async () => {
      pipe = await load(repo, golden.head.load);
      ownScheduler = pipe.scheduler;
    });
    afterAll(() => pipe.dispose());

    for (const one of golden.head.cases) {
      it(one.name, async () => {
        pipe.scheduler = ownScheduler;
        await swapScheduler(pipe, one, registry);
        const { pixels, latents } = await compareImages(pipe, one, golden);
        assertWithin(latents, LATENTS, "latents");
        assertWithin(pixels, PIXEL, "pixels");
      });
    }
  });

  describe(`${repo} prints what diffusers prints`, () => {
    it("String(pipe), String(pipe.scheduler)", async () => {
      await using pipe = await load(repo, golden.head.load);
      const { printed } = golden.head;
      assertEquals(String(pipe).replace(fixture(""), ""), printed.pipeline);
      assertEquals(String(pipe.scheduler), printed.scheduler);
    });

    it("the configs of its parts", async () => {
      const pipe = await load(repo, golden.head.load);
      for (const [role, expected] of Object.entries(golden.head.printed.configs)) {
        const { config } =
          (pipe.components as unknown as Record<string, { config: Record<string, unknown> }>)[
            camelCase(role)
          ]!;
        // written when the config was saved, and by which version
        const own = ["_name_or_path", "_diffusers_version", "_use_default_values"];
        const [actual, wanted] = [config, expected].map((all) =>
          Object.fromEntries(Object.entries(all).filter(([key]) => !own.includes(key)))
        );
        assertEquals(actual, wanted, role);
      }
      await pipe.dispose();
    });
  });
}

describe("a pipeline's images", () => {
  const bytes = ({ images }: ImageOutput) => images.map(({ data }) => data);

  it("are the same alone, in a batch, and at any place in it", async () => {
    const pipe = await load("tiny-stable-diffusion");
    const options = { numInferenceSteps: 4 };
    const batch = bytes(await pipe(PROMPT, { ...options, seed: 5, numImagesPerPrompt: 3 }));
    for (const [i, image] of batch.entries()) {
      assertEquals(bytes(await pipe(PROMPT, { ...options, seed: 5 + i })), [image]);
    }
    await pipe.dispose();
  });

  it("differ with the seed, and with chance when there is none", async () => {
    const pipe = await load("tiny-ddpm");
    const options = { numInferenceSteps: 3 };
    assertNotEquals(
      bytes(await pipe({ ...options, seed: 1 })),
      bytes(await pipe({ ...options, seed: 2 })),
    );
    assertNotEquals(bytes(await pipe(options)), bytes(await pipe(options)));
    await pipe.dispose();
  });

  it("of concurrent calls are those of each call alone, bit for bit", async () => {
    const pipe = await load("tiny-stable-diffusion");
    const calls = [1, 2, 3].map((seed) => ({ seed, numInferenceSteps: 3 + seed }));
    const together = await Promise.all(calls.map(async (o) => bytes(await pipe(PROMPT, o))));
    for (const [i, options] of calls.entries()) {
      assertEquals(bytes(await pipe(PROMPT, options)), together[i]);
    }
    await pipe.dispose();
  });

  it("are the same file again, byte for byte", async () => {
    const pipe = await load("tiny-stable-diffusion");
    const options = { numInferenceSteps: 3, seed: 1 };
    const [first, second] = [await pipe(PROMPT, options), await pipe(PROMPT, options)];
    assertEquals(await first.images[0]!.encode(), await second.images[0]!.encode());
    await pipe.dispose();
  });

  it("are close to those of single precision when the weights are held in half", async () => {
    const options = { numInferenceSteps: 4, seed: 0, guidanceScale: 1 };
    const single = await load("tiny-stable-diffusion");
    const half = await load("tiny-stable-diffusion", { torchDtype: "float16" });
    const [wanted] = bytes(await single(PROMPT, options));
    const [actual] = bytes(await half(PROMPT, options));
    const apart = actual!.map((value, at) => Math.abs(value - wanted![at]!));
    // 11 bits of the weights are kept, so that an image moves by about one part in a thousand
    assertWithin(Math.max(...apart), 12, "pixels");
    assertWithin(
      apart.reduce((sum, value) => sum + value, 0) / apart.length,
      1.5,
      "mean of pixels",
    );
    await Promise.all([single.dispose(), half.dispose()]);
  });
});

describe("DiffusionPipeline.fromPretrained()", () => {
  it("gives the class that model_index.json names", async () => {
    const pipe = await load("tiny-stable-diffusion");
    assertEquals(pipe.className, "StableDiffusionPipeline");
    assertEquals(
      (await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"))).className,
      "StableDiffusionPipeline",
    );
    await pipe.dispose();
  });

  it("refuses pickled weights and says why", async () => {
    const error = await assertRejects(() => load("tiny-ddpm-bin"), DenoiseError);
    assertEquals(error.code, "pickle_refused");
  });

  it("takes components that are given and leaves out those that are null", async () => {
    const { scheduler } = await load("tiny-stable-diffusion-2");
    const pipe = await load("tiny-stable-diffusion", { scheduler, safetyChecker: null });
    assertEquals(pipe.scheduler.className, "DDIMScheduler");
    await pipe.dispose();
  });

  it("says what is missing in a folder without model_index.json", async () => {
    const error = await assertRejects(() => load("tokenizers"), DenoiseError);
    assertEquals(error.code, "missing_file");
    assert(error.message.includes("model_index.json"));
  });
});

describe("pipe.stream()", () => {
  it("gives each step, and the images at the end", async () => {
    const pipe = await load("tiny-stable-diffusion");
    const steps = pipe.stream(PROMPT, { seed: 0, numInferenceSteps: 4 });
    const seen: number[] = [];
    for (let next = await steps.next();; next = await steps.next()) {
      if (next.done) {
        assertEquals(next.value.images.length, 1);
        break;
      }
      seen.push(next.value.index);
      assertEquals((await next.value.preview()).length, 1);
    }
    assertEquals(seen, [0, 1, 2, 3, 4]); // PNDM calls the model once more than it has steps
    await pipe.dispose();
  });

  it("ends between steps when its signal fires", async () => {
    const pipe = await load("tiny-stable-diffusion");
    const abort = new AbortController();
    let steps = 0;
    const error = await assertRejects(async () => {
      for await (const _ of pipe.stream(PROMPT, { signal: abort.signal })) {
        if (++steps === 2) abort.abort();
      }
    }, DOMException);
    assertEquals([error.name, steps], ["AbortError", 2]);
    await pipe.dispose();
  });
});
