import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeImage,
  DenoiseImage,
  formatParameters,
  imageGrid,
  ImageList,
  imagesFromTensor,
  readPngTexts,
  readRecipe,
} from "./mod.ts";
import { Tensor } from "@denoise/core";
import { deepSamplesOf } from "../../../tests/support/deep_png.ts";
import { golden, imageOf, maxDifference, testImage } from "./_testing.ts";

const DISPLAY = Symbol.for("Jupyter.display");

interface Displayed {
  [DISPLAY](): Promise<Record<string, string>>;
}

const RECIPE = {
  prompt: "ein Käse, 日本 😀\nsecond line",
  negativePrompt: "blurry",
  steps: 25,
  scheduler: "EulerDiscreteScheduler",
  guidanceScale: 7.5,
  seed: 42,
  width: 24,
  height: 16,
  model: "owner/name",
  eta: 0,
  denoise: "0.1.0",
  more: { nested: true },
};

describe("DenoiseImage.encode()", () => {
  it("writes samples of 16 bits as a PNG of 16 bits, and as nothing else", async () => {
    const samples = Uint16Array.from({ length: 35 }, (_, i) => i * 1_873 % 65_536);
    const data = Uint8Array.from(samples, (value) => value >> 8);
    const deep = new DenoiseImage(7, 5, 1, data, { samples, recipe: { shows: "depth" } });
    const file = await deep.encode();
    assertEquals(deepSamplesOf(file), samples);
    assertEquals(readRecipe(file), { shows: "depth" });
    await assertRejects(() => deep.encode("jpeg"), TypeError, "only PNG holds them");
    assertThrows(
      () => new DenoiseImage(7, 5, 1, data, { samples: samples.subarray(1) }),
      RangeError,
      "of 34 samples of 16 bits",
    );
    const values = Tensor.from([...samples].map((value) => value / 65_535), [1, 1, 5, 7]);
    assertEquals(imagesFromTensor(values, undefined, 16)[0]!.samples, samples);
    const colors = Tensor.zeros([1, 3, 2, 2]);
    assertThrows(() => imagesFromTensor(colors, undefined, 16), TypeError, "of one channel");
  });

  it("writes PNGs that decode to the same pixels, whatever they are", async () => {
    const size = fc.integer({ min: 1, max: 20 });
    const channels = fc.constantFrom(1, 3, 4);
    await fc.assert(
      fc.asyncProperty(size, size, channels, fc.integer(), async (w, h, c, seed) => {
        const image = testImage(w, h, c, seed);
        const decoded = await decodeImage(await image.encode("png"));
        assertEquals([decoded.width, decoded.height, decoded.channels], [w, h, c]);
        assertEquals(decoded.data, image.data);
      }),
      { numRuns: 40 },
    );
  });

  it("writes the same bytes each time", async () => {
    const image = testImage(24, 16, 3, 7, RECIPE);
    const first = await image.encode("png");
    using _time = new FakeTime(Date.now() + 3_600_000); // a time stamp would be another one
    assertEquals(await testImage(24, 16, 3, 7, RECIPE).encode("png"), first);
  });

  it("makes a smooth image smaller than its pixels", async () => {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => Math.floor(i / 192) + i % 64);
    const png = await new DenoiseImage(64, 64, 3, data).encode("png");
    assert(png.length < data.length / 4, `${png.length} bytes`);
  });

  it("writes JPEGs near the pixels", async () => {
    for (const channels of [1, 3, 4]) {
      const data = new Uint8Array(16 * 16 * channels).fill(130);
      const jpeg = await new DenoiseImage(16, 16, channels, data).encode("jpeg", { quality: 95 });
      const decoded = await decodeImage(jpeg);
      const rgb = decoded.data.filter((_, i) => decoded.channels < 4 || i % 4 < 3);
      // One colour everywhere: only the rounding of colour conversion and one coefficient is left.
      assert(maxDifference(rgb, new Uint8Array(rgb.length).fill(130)) <= 2);
    }
  });

  it("writes WebPs near the pixels, with alpha", async () => {
    for (const channels of [1, 3, 4]) {
      const data = new Uint8Array(16 * 16 * channels).fill(130);
      const webp = await new DenoiseImage(16, 16, channels, data).encode("webp");
      const decoded = await decodeImage(webp);
      assertEquals([decoded.width, decoded.channels], [16, channels === 4 ? 4 : 3]);
      // One colour everywhere: only the rounding of colour conversion is left.
      assert(maxDifference(decoded.data, new Uint8Array(decoded.data.length).fill(130)) <= 2);
    }
    const noisy = testImage(64, 64, 3);
    const sizes = await Promise.all(
      [10, 50, 100].map(async (quality) => (await noisy.encode("webp", { quality })).length),
    );
    assert(sizes[0]! < sizes[1]! && sizes[1]! < sizes[2]!, `${sizes}`);
  });

  it("throws on other formats and qualities", async () => {
    const image = testImage(2, 2, 3);
    await assertRejects(() => image.encode("bmp" as "png"), TypeError, '"bmp"');
    await assertRejects(() => image.encode("jpeg", { quality: 0 }), RangeError, "quality 0");
    await assertRejects(() => image.encode("webp", { quality: 101 }), RangeError, "quality 101");
  });
});

describe("DenoiseImage.save()", () => {
  it("takes the format from the extension", async () => {
    const folder = await Deno.makeTempDir();
    try {
      const starts = [];
      for (const name of ["a.png", "b.JPG", "c.jpeg", "d.webp"]) {
        await testImage(4, 4, 3).save(`${folder}/${name}`);
        starts.push((await Deno.readFile(`${folder}/${name}`))[0]);
      }
      assertEquals(starts, [0x89, 0xff, 0xff, 0x52]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("throws on other extensions, and writes nothing", async () => {
    await assertRejects(() => testImage(1, 1, 3).save("x.gif"), TypeError, '".gif"');
    await assertRejects(() => testImage(1, 1, 3).save("x"), TypeError, "no extension");
    await assertRejects(() => Deno.stat("x.gif"), Deno.errors.NotFound);
  });
});

describe("DenoiseImage", () => {
  it("throws on pixels that do not fit", () => {
    assertThrows(() => new DenoiseImage(2, 2, 3, new Uint8Array(4)), RangeError, "12 bytes");
    assertThrows(() => new DenoiseImage(2, 2, 2, new Uint8Array(8)), RangeError, "2 channels");
    assertThrows(
      () => new DenoiseImage(0, 2, 3, new Uint8Array(0)),
      RangeError,
      "width 0 and height 2",
    );
  });

  it("shows itself in a notebook as PNG", async () => {
    const image = testImage(3, 2, 3);
    const shown = await (image as unknown as Displayed)[DISPLAY]();
    assertEquals(Uint8Array.fromBase64(shown["image/png"]!), await image.encode("png"));
    assertEquals(shown["text/plain"], "DenoiseImage RGB 3x2");
    assertEquals(Deno.inspect(image), "DenoiseImage RGB 3x2");
  });
});

describe("readRecipe()", () => {
  it("reads what JPEG and WebP carry, whose pixels are the same with it", async () => {
    for (const [width, height, channels] of [[24, 16, 3], [3, 5, 4], [7, 2, 1]] as const) {
      for (const format of ["jpeg", "webp"] as const) {
        const recipe = { ...RECIPE, prompt: "a château, \u{1F34E}", seed: 2 ** 40 };
        const file = await testImage(width, height, channels, 1, recipe).encode(format);
        assertEquals(readRecipe(file), recipe, format);
        const plain = await testImage(width, height, channels).encode(format);
        assertEquals(readRecipe(plain), undefined);
        const [one, other] = [await decodeImage(file), await decodeImage(plain)];
        assertEquals([one.width, one.height, one.data], [other.width, other.height, other.data]);
      }
    }
    const long = await testImage(8, 8, 3, 1, { prompt: "x".repeat(40_000) }).encode("jpeg");
    assertEquals(String(readRecipe(long)?.["prompt"]).length, 40_000);
  });

  it("gives back what the image was made from", async () => {
    assertEquals(readRecipe(await testImage(24, 16, 3, 1, RECIPE).encode("png")), RECIPE);
    assertEquals(readRecipe(await testImage(2, 2, 3).encode("png")), undefined);
  });

  it("stands beside the text that A1111-style tools read", async () => {
    const texts = readPngTexts(await testImage(24, 16, 3, 1, RECIPE).encode("png"));
    assertEquals(
      texts.get("parameters"),
      "ein Käse, 日本 😀\nsecond line\nNegative prompt: blurry\n" +
        "Steps: 25, Sampler: EulerDiscreteScheduler, CFG scale: 7.5, Seed: 42, Size: 24x16, " +
        "Model: owner/name, Version: denoise 0.1.0, eta: 0",
    );
  });

  it("gives back any recipe of texts, numbers and truths", async () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const recipes = fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), value);
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const png = await testImage(1, 1, 1, 1, recipe).encode("png");
        assertEquals(readRecipe(png), { ...recipe });
      }),
      { numRuns: 50 },
    );
  });

  it("throws on what is no PNG, or is cut off", async () => {
    const png = await testImage(2, 2, 3, 1, RECIPE).encode("png");
    assertThrows(() => readRecipe(Uint8Array.of(1, 2, 3)), SyntaxError, "does not start as one");
    assertThrows(() => readRecipe(png.subarray(0, 60)), SyntaxError, "cut off after 60 bytes");
  });
});

describe("formatParameters()", () => {
  it("quotes values with commas or colons, and copes with nothing", () => {
    assertEquals(formatParameters({ prompt: "a", lora: "x:1, y:2" }), 'a\nlora: "x:1, y:2"');
    assertEquals(formatParameters({}), "");
  });
});

describe("imageGrid()", () => {
  it("gives the pixels of make_image_grid", () => {
    const [a, b] = golden.tensors.images.map(imageOf);
    const grid = imageGrid([a!, b!, a!, b!], 2, 2);
    assertEquals(grid.data, imageOf(golden.tensors.grid).data);
  });

  it("makes room for the largest, in the richest mode", () => {
    const grid = imageGrid([testImage(2, 1, 1), testImage(1, 3, 3)], 2, 1);
    assertEquals([grid.width, grid.height, grid.channels], [2, 6, 3]);
  });

  it("throws when the images do not fit", () => {
    assertThrows(() => imageGrid([testImage(1, 1, 1), testImage(1, 1, 1)], 1, 1), RangeError);
    assertThrows(() => imageGrid([], 1, 1), RangeError, "0 images");
    assertThrows(() => imageGrid([testImage(1, 1, 1)], 0, 1), RangeError, "0 rows");
  });
});

describe("ImageList", () => {
  it("is an array that shows a grid in a notebook", async () => {
    const list = ImageList.from([testImage(2, 2, 3), testImage(2, 2, 3)]) as ImageList;
    assert(list instanceof ImageList);
    assertEquals(list.map((image) => image.width), [2, 2]);
    const shown = await (list as unknown as Displayed)[DISPLAY]();
    const grid = await decodeImage(Uint8Array.fromBase64(shown["image/png"]!));
    assertEquals([grid.width, grid.height], [4, 2]);
  });

  it("shows no image when it is empty", async () => {
    const shown = await (new ImageList() as unknown as Displayed)[DISPLAY]();
    assertEquals(Object.keys(shown), ["text/plain"]);
  });
});
