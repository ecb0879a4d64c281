/**
 * The models that ship with the project: they load by their ids and draw what they are asked.
 *
 * @module
 */
import {
  DDPMPipeline,
  StableDiffusionImg2ImgPipeline,
  StableDiffusionPipeline,
} from "@denoise/denoise";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

type Colour = [red: number, green: number, blue: number];

/** The mean red, green and blue of 12x12 pixels near the upper left corner, 0 to 255. */
function ground(image: { width: number; data: Uint8Array | Uint8ClampedArray }): Colour {
  const sums: Colour = [0, 0, 0];
  for (let y = 4; y < 16; y++) {
    for (let x = 4; x < 16; x++) {
      for (const channel of [0, 1, 2] as const) {
        sums[channel] += image.data[(y * image.width + x) * 3 + channel]! / 144;
      }
    }
  }
  return sums;
}

describe("denoise/emoji", () => {
  it("draws on the background that the prompt names, 128x128, the same for the same seed", async () => {
    const pipeline = await StableDiffusionPipeline.fromPretrained("denoise/emoji");
    const draw = async (prompt: string) => (await pipeline(prompt, { seed: 7 })).images[0]!;
    const first = await draw("red apple on a blue background");
    assertEquals([first.width, first.height], [128, 128]);
    const [red, green, blue] = ground(first);
    assert(blue > red + 50 && blue > green + 20, `not blue: ${red}, ${green}, ${blue}`);
    const white = ground(await draw("red apple"));
    assert(white.every((value) => value > 220), `not white: ${white}`);
    const again = await draw("red apple on a blue background");
    assertEquals(again.data, first.data);
  });

  it("changes an image that it is given", async () => {
    const text = await StableDiffusionPipeline.fromPretrained("denoise/emoji");
    const options = { seed: 3 };
    const image = (await text("red apple", options)).images[0]!;
    const pipeline = await StableDiffusionImg2ImgPipeline.fromPretrained("denoise/emoji");
    const prompt = "red apple on a green background";
    const changed = await pipeline(prompt, { ...options, image, strength: 0.9 });
    const [red, green, blue] = ground(changed.images[0]!);
    assert(green > red + 20 && green > blue + 20, `not green: ${red}, ${green}, ${blue}`);
  });
});

describe("denoise/ddpm-emoji", () => {
  it("makes images of 32x32 without a prompt", async () => {
    const pipeline = await DDPMPipeline.fromPretrained("denoise/ddpm-emoji");
    const { images } = await pipeline({ numInferenceSteps: 20, seed: 1 });
    assertEquals([images[0]!.width, images[0]!.height], [32, 32]);
    assert(new Set(images[0]!.data).size > 20, "one colour only");
  });
});
