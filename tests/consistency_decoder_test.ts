/**
 * The consistency decoder: noise by the seed of the call in every pipeline, previews that take none of it, and what
 * is refused.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { DenoiseError, type JsonObject, readConfig } from "@denoise/core";
import { ConsistencyDecoderVAE, Generator, Tensor } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";
import { assertSaved, FEW, grey, PROMPT } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const VAE = "models/ConsistencyDecoderVAE/tiny";
const load = (pipeline = "StableDiffusionPipeline", repo = "tiny-stable-diffusion") =>
  loadTask({ pipeline, repo, parts: { vae: VAE } });

describe("a pipeline with a ConsistencyDecoderVAE", () => {
  for (
    const [pipeline, repo] of [
      ["StableDiffusionPipeline", "tiny-stable-diffusion"],
      ["StableDiffusionXLPipeline", "tiny-stable-diffusion-xl"],
      ["LatentConsistencyModelPipeline", "tiny-lcm"],
      ["SemanticStableDiffusionPipeline", "tiny-stable-diffusion"],
    ] as const
  ) {
    it(`makes the same image of a seed, each alone or among others: ${pipeline}`, async () => {
      const pipe = await load(pipeline, repo);
      const call = { ...FEW, height: 32, width: 32 };
      const one = await pipe(PROMPT, { ...call, seed: 5 });
      const two = await pipe(PROMPT, { ...call, seed: 4, numImagesPerPrompt: 2 });
      const away = one.images[0]!.data.map((x, i) => Math.abs(x - two.images[1]!.data[i]!));
      // the rows of a product are summed in another order where there are more of them
      assert(Math.max(...away) <= 1);
      assertNotEquals(two.images[0]!.data, two.images[1]!.data);
      await pipe.dispose();
    });
  }

  it("draws nothing for previews from the generator of the call", async () => {
    const pipe = await load();
    const call = () => ({ numInferenceSteps: 2, generator: new Generator(7) });
    const { images: [alone] } = await pipe(PROMPT, call());
    const steps = pipe.stream(PROMPT, call());
    let result = await steps.next();
    while (!result.done) {
      assertEquals((await result.value.preview()).length, 1);
      result = await steps.next();
    }
    assertEquals(result.value.images[0]!.data, alone!.data);
    await pipe.dispose();
  });

  it("is saved with it", async () => {
    await assertSaved(await load(), {}, { vae: "ConsistencyDecoderVAE" });
  });

  it("encodes the image to change", async () => {
    const pipe = await load("StableDiffusionImg2ImgPipeline");
    const { images } = await pipe(PROMPT, { ...FEW, image: grey(40, 32), strength: 0.5 });
    assertEquals([images[0]!.width, images[0]!.height], [40, 32]);
    await pipe.dispose();
  });
});

describe("ConsistencyDecoderVAE", () => {
  const make = async (changes: JsonObject) => {
    const folder = await Deno.makeTempDir();
    const config = await readConfig(`${fixture(VAE)}/config.json`);
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, ...changes }));
    return await ConsistencyDecoderVAE.fromPretrained(folder)
      .finally(() => Deno.remove(folder, { recursive: true }));
  };
  for (
    const changes of [
      { latent_channels: 8 },
      { encoder_double_z: false },
      { decoder_down_block_types: ["KDownBlock2D", "KDownBlock2D"] },
      { encoder_down_block_types: ["DownBlock2D", "DownBlock2D", "DownBlock2D"] },
    ]
  ) {
    const [option] = Object.keys(changes) as [string];
    it(`refuses ${JSON.stringify(changes)}`, async () => {
      await assertRejects(() => make(changes), DenoiseError, option);
    });
  }

  it("refuses levels that do not fit together", async () => {
    const changes = { decoder_up_block_types: ["ResnetUpsampleBlock2D"] };
    await assertRejects(() => make(changes), RangeError, "decoder_up_block_types");
  });

  it("refuses latents of other channels", async () => {
    const vae = await ConsistencyDecoderVAE.fromPretrained(fixture(VAE));
    await assertRejects(() => vae.decode(Tensor.zeros([1, 16, 2, 2])));
    await vae.dispose();
  });
});
