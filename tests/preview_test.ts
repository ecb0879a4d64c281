/**
 * Previews on the way: by the autoencoder, by a linear map of the latents, by a small decoder.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { Generator, type Image, Tensor } from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import {
  type AutoencoderConfig,
  colorLatents,
  fitLatentColors,
  latentColors,
} from "@denoise/diffusion";
import {
  AutoencoderKL,
  AutoencoderTiny,
  DDPMPipeline,
  FluxPipeline,
  FluxTransformer2DModel,
  LDMSuperResolutionPipeline,
  LDMTextToImagePipeline,
  StableDiffusionPipeline,
} from "@denoise/denoise";
import { id as EMBEDDED } from "@denoise/embedded-emoji";
import { fixture } from "./support/golden.ts";

const QUIET = { onWarning: () => {} };

/** The preview of one step of a short run. */
async function previewOf(
  steps: AsyncIterable<{ readonly index: number; preview(): Promise<Image[]> }>,
  wanted: number,
): Promise<Image> {
  for await (const step of steps) {
    if (step.index === wanted) return (await step.preview())[0]!;
  }
  throw new RangeError(`there is no step ${wanted}`);
}

/** Mean colours of blocks of `factor` pixels a side. */
function shrink({ data, width, height, channels }: Image, factor: number): number[] {
  const pixels = Tensor.from(Float32Array.from(data), [height, width, channels]);
  const blocks = [height / factor, factor, width / factor, factor, channels];
  return [...pixels.reshape(blocks).mean([1, 3]).toFloat32Array()];
}

/** An autoencoder whose latents are a linear map of mean colours, and one channel that is zero. */
function linearAutoencoder(scaling_factor: number): Autoencoder<AutoencoderConfig> {
  const rows = [[0.5, 0.2, -0.1], [-0.3, 0.7, 0.1], [0.2, 0.1, 0.9], [0, 0, 0]];
  const shift = [0.3, -0.2, 0.1, 0];
  return {
    config: { block_out_channels: [1, 1, 1], latent_channels: 4, scaling_factor },
    encode(sample: Tensor) {
      const [count, , height, width] = sample.dims as [number, number, number, number];
      const blocks = [count, 3, height / 4, 4, width / 4, 4];
      const colors = sample.reshape(blocks).mean([3, 5]).chunk(3, 1);
      const latents = rows.map((row, i) =>
        colors.reduce(
          (sum, color, j) => sum.add(color.mul(row[j]!)),
          Tensor.full(colors[0]!.dims, shift[i]!),
        )
      );
      return Promise.resolve({ latentDist: { mode: () => Tensor.cat(latents, 1) } });
    },
  } as unknown as Autoencoder<AutoencoderConfig>;
}

describe("stream() with preview", () => {
  it("shows latents of a codebook, one pixel a latent or as large as the image", async () => {
    const image = new Generator(1).rand([1, 3, 16, 16]).mul(2).sub(1);
    const few = { numInferenceSteps: 2, seed: 3 };
    const large = await LDMSuperResolutionPipeline.fromPretrained(
      fixture("tiny-ldm-super-resolution"),
    );
    const text = await LDMTextToImagePipeline.fromPretrained(fixture("tiny-ldm"));
    for (const [preview, side] of [["linear", 16], ["vae", 64]] as const) {
      const { width } = await previewOf(large.stream({ ...few, image, preview }), 1);
      assertEquals(width, side);
      const options = { ...few, width: 64, height: 64, preview };
      const shown = await previewOf(text.stream("a cat", options), 0);
      assertEquals(shown.width, side / 2);
    }
    await Promise.all([large.dispose(), text.dispose()]);
  });

  it('"linear" shows what "vae" shows, one pixel a latent', async () => {
    const pipe = await StableDiffusionPipeline.fromPretrained(EMBEDDED, QUIET);
    const options = { numInferenceSteps: 12, seed: 7 };
    const [linear, decoded] = [
      await previewOf(pipe.stream("red apple", { ...options, preview: "linear" }), 9),
      await previewOf(pipe.stream("red apple", options), 9),
    ];
    const factor = decoded.width / linear.width;
    assertEquals([factor, decoded.height / linear.height], [4, 4]);
    const wanted = shrink(decoded, factor);
    const difference = wanted.reduce((sum, x, i) => sum + Math.abs(x - linear.data[i]!), 0) /
      wanted.length;
    const middle = wanted.reduce((sum, x) => sum + x) / wanted.length;
    const spread = wanted.reduce((sum, x) => sum + Math.abs(x - middle), 0) / wanted.length;
    // four numbers cannot tell what 16 pixels look like, but they tell most of their colour
    assert(difference < spread / 3, `differs by ${difference} where pixels spread by ${spread}`);
    await pipe.dispose();
  });

  it("a small decoder is as a pipeline with that decoder", async () => {
    const [vae, small] = await Promise.all([
      AutoencoderKL.fromPretrained(fixture("tiny-stable-diffusion/vae")),
      AutoencoderTiny.fromPretrained(fixture("models/AutoencoderTiny/taesd")),
    ]);
    const load = (vae: object) =>
      StableDiffusionPipeline.fromPretrained(
        fixture("tiny-stable-diffusion"),
        { ...QUIET, vae } as never,
      );
    const [pipe, other] = await Promise.all([load(vae), load(small)]);
    const latents = new Generator(1).randn([1, 4, 8, 8]);
    const options = { numInferenceSteps: 3, latents };
    const size = (factor: number) => ({ width: 8 * factor, height: 8 * factor });
    const factor = 2 ** (small.config.block_out_channels.length - 1);
    const [shown, wanted] = [
      await previewOf(pipe.stream("x", { ...options, ...size(4), preview: small }), 1),
      await previewOf(other.stream("x", { ...options, ...size(factor) }), 1),
    ];
    assertEquals(shown.data, wanted.data);
    await Promise.all([pipe.dispose(), other.dispose()]);
  });

  it("latents of 16 channels are shown by a linear map and by a small decoder of them", async () => {
    const [transformer, vae, small] = await Promise.all([
      FluxTransformer2DModel.fromPretrained(fixture("parts/FluxTransformer2DModel/flux-16")),
      AutoencoderKL.fromPretrained(fixture("models/AutoencoderKL/sixteen_channels")),
      AutoencoderTiny.fromPretrained(fixture("models/AutoencoderTiny/taef1")),
    ]);
    const repo = fixture("tiny-flux-dev");
    const pipe = await FluxPipeline.fromPretrained(repo, { ...QUIET, transformer, vae });
    const other = await FluxPipeline.fromPretrained(repo, { ...QUIET, transformer, vae: small });
    const side = 8 * 4;
    const options = {
      numInferenceSteps: 3,
      seed: 1,
      maxSequenceLength: 8,
      width: side,
      height: side,
    };
    const linear = await previewOf(pipe.stream("x", { ...options, preview: "linear" }), 1);
    assertEquals([linear.width, linear.height], [8, 8]);
    assert(new Set(linear.data).size > 16, "all of it has one colour");
    const [shown, wanted] = [
      await previewOf(pipe.stream("x", { ...options, preview: small }), 1),
      await previewOf(other.stream("x", options), 1),
    ];
    assertEquals(shown.data, wanted.data);
    await Promise.all([pipe.dispose(), small.dispose()]);
  });

  it("pipelines without latents show their samples", async () => {
    const pipe = await DDPMPipeline.fromPretrained(fixture("tiny-ddpm"));
    const options = { numInferenceSteps: 3, seed: 1 };
    const [linear, plain] = [
      await previewOf(pipe.stream({ ...options, preview: "linear" }), 1),
      await previewOf(pipe.stream(options), 1),
    ];
    assertEquals(linear.data, plain.data);
    await pipe.dispose();
  });

  it("is refused for what is no decoder, and for a decoder of other latents", async () => {
    const pipe = await StableDiffusionPipeline.fromPretrained(
      fixture("tiny-stable-diffusion"),
      QUIET,
    );
    const options = { numInferenceSteps: 1 };
    await assertRejects(
      () => pipe("x", { ...options, preview: "fast" as "vae" }),
      TypeError,
      'Cannot preview by "fast"',
    );
    await assertRejects(
      () => pipe("x", { ...options, preview: null as unknown as "vae" }),
      TypeError,
      "Cannot preview by null",
    );
    const other = { ...linearAutoencoder(1), className: "Other", decode: () => {} };
    Object.assign(other, { config: { latent_channels: 16, block_out_channels: [4] } });
    await assertRejects(
      () => previewOf(pipe.stream("x", { ...options, preview: other as never }), 0),
      RangeError,
      "4 channels by an Other of 16",
    );
    await pipe.dispose();
  });
});

describe("fitLatentColors()", () => {
  it("finds the map of an autoencoder that is one, with a channel that says nothing", async () => {
    const vae = linearAutoencoder(0.5);
    const images = new Generator(3).rand([2, 3, 32, 24]).mul(2).sub(1);
    const { latentDist } = await vae.encode(images);
    for (const colors of [await fitLatentColors(vae), await fitLatentColors(vae, images)]) {
      const shown = colorLatents(latentDist.mode().mul(0.5), colors);
      const wanted = images.reshape([2, 3, 8, 4, 6, 4]).mean([3, 5]);
      // the ridge that keeps the equations solvable, 1e-6 beside variances of about 0.01
      assertAlmostEquals(shown.sub(wanted).abs().max().item(), 0, 1e-3);
    }
  });
});

describe("latentColors()", () => {
  it("are the published ones of Stable Diffusion and of XL, fitted once for others", async () => {
    const zero = Tensor.zeros([1, 4, 1, 1]);
    const first = Tensor.from(Float32Array.of(1, 0, 0, 0), [1, 4, 1, 1]);
    const at = async (
      scaling: number,
      latents: Tensor,
    ) => [
      ...colorLatents(latents, await latentColors(linearAutoencoder(scaling))).toFloat32Array(),
    ];
    assertEquals(await at(0.18215, zero), [0, 0, 0]);
    assertEquals(await at(0.18215, first), [0.298, 0.207, 0.208].map(Math.fround));
    for (const [i, wanted] of [150 + 60, 140 + 60, 130 + 60].entries()) {
      const value = (await at(0.13025, first))[i]!;
      assertAlmostEquals((value + 1) * 127.5, wanted, 1e-4); // float32
    }
    const other = linearAutoencoder(1);
    assert(await latentColors(other) === await latentColors(other));
  });
});
