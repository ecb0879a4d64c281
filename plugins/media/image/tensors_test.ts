import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  createImageCodec,
  type DenoiseImage,
  displaySample,
  imageCodec,
  imagesFromTensor,
  sampleToImage,
  tensorFromImage,
} from "./mod.ts";
import {
  bytesOf,
  fileOf,
  floatsOf,
  golden,
  imageOf,
  keptOf,
  maxDifference,
  testImage,
  toleranceOf,
} from "./_testing.ts";

const { dims, values, images, back, sample, sampleDims, shown } = golden.tensors;

describe("imagesFromTensor()", () => {
  it("gives the pixels of numpy_to_pil, ties and all", () => {
    const made = imagesFromTensor(new Tensor("float32", floatsOf(values), dims));
    assertEquals(made.map((image) => image.data), images.map((image) => bytesOf(image.data)));
  });

  it("gives each image its recipe", () => {
    const made = imagesFromTensor(Tensor.zeros([2, 1, 1, 1]), (index) => ({ seed: index }));
    assertEquals(made.map((image) => image.recipe), [{ seed: 0 }, { seed: 1 }]);
  });

  it("clips what is outside 0..1 and makes NaN black", () => {
    const [image] = imagesFromTensor(Tensor.from([-1, 2, NaN, Infinity]).reshape([1, 1, 2, 2]));
    assertEquals([...image!.data], [0, 255, 0, 255]);
  });

  it("takes one image without a batch, and float16", () => {
    const half = Tensor.full([3, 1, 1], 0.25).astype("float16");
    assertEquals([...imagesFromTensor(half)[0]!.data], [64, 64, 64]);
  });

  it("throws on other tensors", () => {
    assertThrows(() => imagesFromTensor(Tensor.zeros([1, 2, 4, 4])), TypeError, "1, 3 or 4");
    assertThrows(() => imagesFromTensor(Tensor.zeros([4, 4])), TypeError, "[4, 4]");
    assertThrows(() => imagesFromTensor(Tensor.zeros([1, 3, 4, 4], "uint8")), TypeError);
  });
});

describe("tensorFromImage()", () => {
  it("gives the numbers of pil_to_numpy", () => {
    const tensor = tensorFromImage(imageOf(images[0]!));
    assertEquals(tensor.data, floatsOf(back));
  });

  it("is undone by imagesFromTensor()", () => {
    for (const channels of [1, 3, 4]) {
      const image = testImage(7, 5, channels);
      assertEquals(imagesFromTensor(tensorFromImage(image))[0]!.data, image.data);
    }
  });
});

describe("imageCodec.toTensor()", () => {
  it("gives what VaeImageProcessor makes of a file that load_image opened", async () => {
    for (const { name, tensor, grey } of golden.files) {
      if (tensor === undefined || grey === undefined) continue;
      const size = { width: 10, height: 7 };
      const rgb = await imageCodec.toTensor(fileOf(name), { ...size, mode: "RGB" });
      const mask = await imageCodec.toTensor(fileOf(name), { ...size, mode: "L" });
      assertEquals([rgb.dims, mask.dims], [[1, 3, 7, 10], [1, 1, 7, 10]]);
      // Resizing keeps differences, up to the share of the weights below zero and its rounding.
      const tolerance = toleranceOf(name) === 0 ? 0 : (toleranceOf(name) * 1.3 + 1) / 255;
      assert(maxDifference(keptOf(rgb.toFloat32Array()), floatsOf(tensor)) <= tolerance, name);
      assert(maxDifference(keptOf(mask.toFloat32Array()), floatsOf(grey)) <= tolerance, name);
    }
  });

  it("takes bytes, paths and images alike", async () => {
    const path = fileOf("rgb.png");
    const fromPath = await imageCodec.toTensor(path);
    const bytes = await Deno.readFile(path);
    assertEquals((await imageCodec.toTensor(bytes)).equals(fromPath), true);
    const [image] = imageCodec.fromTensor(fromPath);
    assertEquals((await imageCodec.toTensor(image!)).equals(fromPath), true);
    assertEquals(
      (await imageCodec.toTensor(decodeURIComponent(path.pathname))).dims,
      fromPath.dims,
    );
  });

  it("keeps the side that is not given, and grey images grey", async () => {
    const narrow = await imageCodec.toTensor(testImage(20, 10, 3), { width: 8 });
    assertEquals(narrow.dims, [1, 3, 10, 8]);
    assertEquals((await imageCodec.toTensor(testImage(6, 9, 1))).dims, [1, 1, 9, 6]);
    assertEquals((await imageCodec.toTensor(testImage(6, 9, 4))).dims, [1, 3, 9, 6]);
  });

  it("resizes tensors to the nearest element, as torch's interpolate", async () => {
    const tensor = Tensor.arange(0, 6, 1, "float32").reshape([1, 1, 2, 3]);
    const resized = await imageCodec.toTensor(tensor, { width: 4, height: 3 });
    // torch 2.13.0: F.interpolate(torch.arange(6.).reshape(1, 1, 2, 3), size=(3, 4))
    assertEquals(resized.toNested(), [[[[0, 0, 1, 2], [0, 0, 1, 2], [3, 3, 4, 5]]]]);
  });

  it("says what it cannot take", async () => {
    await assertRejects(
      () => imageCodec.toTensor("https://example.org/a.png"),
      TypeError,
      "loadImage",
    );
    await assertRejects(() => imageCodec.toTensor(5 as unknown as string), TypeError, "5");
    await assertRejects(() => imageCodec.toTensor(Tensor.zeros([2, 2])), TypeError, "[2, 2]");
    await assertRejects(() => imageCodec.toTensor("/nowhere.png"), DenoiseError, "no such file");
  });
});

describe("createImageCodec()", () => {
  it("refuses above its limits", async () => {
    const codec = createImageCodec({ maxPixels: 100 });
    await assertRejects(() => codec.toTensor(fileOf("rgb.png")), RangeError, "at most 100");
  });
});

describe("displaySample()", () => {
  it("wraps values around as numpy's astype(uint8)", () => {
    const image = sampleToImage(new Tensor("float32", floatsOf(sample), sampleDims));
    assertEquals(image.data, bytesOf(shown));
  });

  it("shows the image with the step", async () => {
    const seen: [DenoiseImage, string][] = [];
    const image = await displaySample(Tensor.zeros([1, 3, 2, 2]), 50, (...shown) => {
      seen.push(shown);
    });
    assertEquals(seen, [[image, "Image at step 50"]]);
  });

  it("throws on other shapes", async () => {
    await assertRejects(() => displaySample(Tensor.zeros([1, 4, 2, 2]), 1), TypeError, "1 or 3");
  });
});
