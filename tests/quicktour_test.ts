/**
 * The quicktour of diffusers, in its own order and with its own ids, on small repos that a Hub on
 * this machine serves.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  DDPMScheduler,
  DiffusionPipeline,
  EulerDiscreteScheduler,
  manualSeed,
  randn,
  type Tensor,
  tqdm,
  UNet2DModel,
} from "@denoise/denoise";
import type { StableDiffusionOptions } from "@denoise/pipeline-stable-diffusion";
import { assertWithin, fixture, largest, readGolden } from "./support/golden.ts";
import { HubServer } from "./support/hub_server.ts";
import { tempCache } from "./support/temp_cache.ts";

const SD15 = "runwayml/stable-diffusion-v1-5";
const PROMPT = "An image of a squirrel in Picasso style";
const FEW: StableDiffusionOptions = { numInferenceSteps: 5, seed: 0 };

/** A Hub with the quicktour's repos, and the options that make a loader use it. */
async function openHub() {
  const [server, cache] = [new HubServer(), await tempCache()];
  await server.addFolder(
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    fixture("tiny-stable-diffusion"),
  );
  await server.addFolder("google/ddpm-cat-256", fixture("tiny-ddpm-root"));
  const notes: string[] = [];
  const onWarning = (note: string) => void notes.push(note);
  return {
    notes,
    options: { endpoint: server.url, cacheDir: cache.path, onWarning, useSafetensors: true },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

describe("the quicktour: DiffusionPipeline", () => {
  it("loads, prints, generates and saves", async () => {
    await using hub = await openHub();
    const pipeline = await DiffusionPipeline.fromPretrained(SD15, hub.options);
    assert(hub.notes.some((note) => note.includes("gone from the Hub")), String(hub.notes));
    const printed = String(pipeline);
    assert(printed.startsWith("StableDiffusionPipeline {\n"), printed);
    for (const part of ["PNDMScheduler", "UNet2DConditionModel", "AutoencoderKL"]) {
      assert(printed.includes(part), printed);
    }
    await pipeline.to("cpu");

    const { images } = await pipeline(PROMPT, FEW);
    const file = await Deno.makeTempFile({ suffix: ".png" });
    await images[0]!.save(file);
    const png = await Deno.readFile(file);
    assertEquals([...png.subarray(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));
    await pipeline.dispose();
    await Deno.remove(file);
  });

  it("works the same from a local clone", async () => {
    await using hub = await openHub();
    const pipeline = await DiffusionPipeline.fromPretrained(SD15, hub.options);
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await pipeline.savePretrained(folder);
    const local = await DiffusionPipeline.fromPretrained(folder, { useSafetensors: true });
    const [there, here] = [await pipeline(PROMPT, FEW), await local(PROMPT, FEW)];
    assertEquals(here.images[0]!.data, there.images[0]!.data);
    await Promise.all([pipeline.dispose(), local.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });

  it("swaps the scheduler", async () => {
    await using hub = await openHub();
    const pipeline = await DiffusionPipeline.fromPretrained(SD15, hub.options);
    const before = await pipeline(PROMPT, FEW);
    pipeline.scheduler = EulerDiscreteScheduler.fromConfig(pipeline.scheduler.config);
    const after = await pipeline(PROMPT, FEW);
    assertNotEquals(after.images[0]!.data, before.images[0]!.data);
    assert(String(pipeline).includes("EulerDiscreteScheduler"));
    await pipeline.dispose();
  });
});

describe("the quicktour: model and scheduler", () => {
  const repoId = "google/ddpm-cat-256";
  // Same float32 formulas as torch; sums run in another order.
  const LIMIT = 1e-5;

  it("denoises noise, step by step, with a progress bar and an image every 50 steps", async () => {
    const { tensors } = await readGolden("quicktour");
    const expectNear = (actual: Tensor, name: string, limit: number) =>
      assertWithin(largest(actual, tensors.get(name)!), limit, name);

    await using hub = await openHub();
    const model = await UNet2DModel.fromPretrained(repoId, hub.options);
    const { in_channels, sample_size } = model.config;
    assertThrows(() => Object.assign(model.config, { sample_size: 1 }), TypeError);

    manualSeed(0);
    const size = sample_size as number;
    const noisySample = randn([1, in_channels, size, size]);
    expectNear(noisySample, "noisy_sample", 0);
    const noisyResidual = (await model.forward(noisySample, 2)).sample;
    expectNear(noisyResidual, "noisy_residual", LIMIT);

    const scheduler = await DDPMScheduler.fromPretrained(repoId, hub.options);
    assert(String(scheduler).includes('"variance_type": "fixed_small"'), String(scheduler));
    const lessNoisySample = scheduler.step(noisyResidual, 2, noisySample).prevSample;
    expectNear(lessNoisySample, "less_noisy_sample", LIMIT);

    let sample = noisySample;
    const shown: Uint8Array[] = [];
    let i = 0;
    for (const t of tqdm(scheduler.timesteps)) {
      const residual = (await model.forward(sample, t)).sample;
      sample = scheduler.step(residual, t, sample).prevSample;
      if (++i % 50 === 0) shown.push(displaySample(sample));
    }
    assertEquals(shown.length, 20);
    expectNear(sample, "sample", 1e-4); // a thousand steps add up
    for (const [i, image] of shown.entries()) {
      const expected = tensors.get("images")!.select(0, i).data;
      // truncation may fall on either side of a whole number, and 255 is next to 0
      const apart = image.filter((value, at) => {
        const difference = (value - Number(expected[at]) + 256) % 256;
        return difference > 1 && difference < 255;
      });
      assertEquals(apart.length, 0, `image ${i}`);
    }
    await model.dispose();
  });
});

/** The quicktour's own function: [N, C, H, W] in -1..1 to bytes, row by row. */
function displaySample(sample: Tensor): Uint8Array {
  const processed = sample.permute([0, 2, 3, 1]).add(1).mul(127.5);
  return Uint8Array.from(processed.toFloat32Array(), Math.trunc);
}
