/**
 * Autoencoders in tiles and slices against diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { DenoiseError, Generator, type ModelClass } from "@denoise/core";
import {
  AutoencoderDC,
  AutoencoderKL,
  AutoencoderKLFlux2,
  AutoencoderKLQwenImage,
  AutoencoderKLQwenImage21,
  AutoencoderOobleck,
  AutoencoderTiny,
  DiffusionPipeline,
  VQModel,
} from "@denoise/denoise";
import type { Autoencoder } from "@denoise/roles";
import {
  assertWithin,
  fixture,
  type Golden,
  largest,
  readGolden,
  relativeDifference,
} from "./support/golden.ts";

interface Tiled {
  readonly cases: readonly {
    readonly class: string;
    readonly model: string;
    readonly index: number;
  }[];
}

// As for whole models: float32 on both sides, with sums in another order.
const LIMIT = 1e-4;
const golden: Golden<Tiled> = await readGolden("tiling");

const CLASSES: Readonly<Record<string, ModelClass<Autoencoder>>> = {
  AutoencoderDC,
  AutoencoderKL,
  AutoencoderKLFlux2,
  AutoencoderKLQwenImage,
  AutoencoderKLQwenImage21,
  AutoencoderOobleck,
  AutoencoderTiny,
};

describe("enableTiling() with enableSlicing() equals diffusers", () => {
  for (const { class: className, model, index } of golden.head.cases) {
    const stored = (name: string) => golden.tensors.get(`${index}.${name}`)!;
    it(`${className} ${model}, [${stored("image").dims}]`, async () => {
      const Class = CLASSES[className]!;
      const vae = await Class.fromPretrained(fixture(`models/${className}/${model}`));
      vae.enableTiling();
      vae.enableSlicing();
      const { latentDist } = await vae.encode(stored("image"));
      const { sample } = await vae.decode(stored("latents"));
      assertWithin(relativeDifference(latentDist.mean, stored("mean")), LIMIT, "mean");
      assertWithin(relativeDifference(sample, stored("sample")), LIMIT, "sample");
      await vae.dispose();
    });
  }
});

describe("AutoencoderKL", () => {
  const latents = Generator.manualSeed(0).randn([2, 4, 12, 12]);

  it("gives the same in slices as at once", async () => {
    const vae = await AutoencoderKL.fromPretrained(fixture("models/AutoencoderKL/two_layers"));
    const whole = await vae.decode(latents);
    vae.enableSlicing();
    assertWithin(largest((await vae.decode(latents)).sample, whole.sample), 1e-5, "sample");
    await vae.dispose();
  });

  it("computes as a whole again after disableTiling()", async () => {
    const vae = await AutoencoderKL.fromPretrained(fixture("models/AutoencoderKL/two_layers"));
    const whole = await vae.decode(latents);
    vae.enableTiling();
    assert(largest((await vae.decode(latents)).sample, whole.sample) > 1e-3);
    vae.disableTiling();
    assertEquals((await vae.decode(latents)).sample.data, whole.sample.data);
    await vae.dispose();
  });
});

describe("pipe.vae.enableTiling()", () => {
  it("reaches the calls of a pipeline whose class its repo names", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));
    const options = { numInferenceSteps: 1, seed: 0, height: 96, width: 96 } as const;
    const draw = async () => (await pipe("a cat", options)).images[0]!.data;
    const whole = await draw();
    pipe.vae.enableTiling();
    assertNotEquals(await draw(), whole);
    pipe.vae.disableTiling();
    assertEquals(await draw(), whole);
    await pipe.dispose();
  });

  it("is refused where diffusers has no tiles", async () => {
    const vae = await VQModel.fromPretrained(fixture("models/VQModel/few"));
    for (const refused of ["enableTiling", "enableSlicing"] as const) {
      const error = assertThrows(() => vae[refused](), DenoiseError, "VQModel has none");
      assertEquals(error.code, "unsupported_option");
    }
    vae.disableTiling();
    vae.disableSlicing();
    await vae.dispose();
  });
});
