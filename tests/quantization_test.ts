import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { StableDiffusionPipeline } from "../mod.ts";

Deno.env.set("DENOISE_CACHE", await Deno.makeTempDir());
const repo = new URL("../plugins/embedded/emoji/", import.meta.url);
const prompts = ["rocket on a black background", "panda on a green background"];

async function images(options: object): Promise<Uint8Array[]> {
  const pipeline = await StableDiffusionPipeline.fromPretrained(repo, options);
  const made: Uint8Array[] = [];
  for (const prompt of prompts) {
    const { images: [image] } = await pipeline(prompt, { seed: 7 });
    made.push(image!.data);
  }
  await pipeline.dispose();
  return made;
}

function decibels(a: Uint8Array, b: Uint8Array): number {
  const error = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length;
  return 10 * Math.log10(255 ** 2 / error);
}

describe("a quantized pipeline", () => {
  // The worse of these two prompts: 43.4, 48.7 and 22.3 dB; int8 without VNNI, where weights have 7 bits, 37.3 dB.
  for (const [quantization, least] of [["int8", 35], [{ bits: 8 }, 47], ["int4", 21]] as const) {
    it(`draws nearly the images of float32 with ${JSON.stringify(quantization)}`, async () => {
      const wanted = await images({});
      for (const [i, image] of (await images({ quantization })).entries()) {
        const found = decibels(image, wanted[i]!);
        assert(found > least, `${prompts[i]}: ${found} dB`);
        assert(found < 80, "nothing was quantized");
      }
    });
  }

  it("quantizes the components that are named", async () => {
    const { unet, vae, textEncoder } = await StableDiffusionPipeline.fromPretrained(repo, {
      quantization: { unet: "int8", textEncoder: { bits: 8 } },
    });
    assertEquals([unet, vae, textEncoder].map((part) => /, (.*) on cpu/.exec(`${part}`)![1]), [
      "int8",
      "float32",
      "8 bits in blocks of 64",
    ]);
  });

  it("refuses components that there are not", async () => {
    await assertRejects(
      () =>
        StableDiffusionPipeline.fromPretrained(repo, { quantization: { text_encoder: "int8" } }),
      TypeError,
      'Cannot quantize the models of StableDiffusionPipeline with "text_encoder": its name is ' +
        '"textEncoder" here',
    );
  });
});
