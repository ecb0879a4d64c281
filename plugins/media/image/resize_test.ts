import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Tensor } from "@denoise/core";
import fc from "fast-check";
import { DenoiseImage, type Resample, resize, resizeFloat } from "./mod.ts";
import { drawnImage, floatsOf, golden, imageOf, testImage } from "./_testing.ts";

describe("resize()", () => {
  it("gives the bytes of Pillow for every method and mode", () => {
    for (const [i, { from, method, to }] of golden.resizes.entries()) {
      const resized = resize(imageOf(from), to.width, to.height, method as Resample);
      assertEquals(resized.data, imageOf(to).data, `case ${i}: ${method}`);
    }
  });

  it("gives the bytes of Pillow for images that are reduced first", () => {
    for (const [i, { from, method, gap, to }] of golden.reductions.entries()) {
      const given = { reducingGap: gap };
      const resized = resize(drawnImage(from), to.width, to.height, method as Resample, given);
      assertEquals(resized.data, imageOf(to).data, `case ${i}: ${method}`);
    }
  });

  it("leaves an image of one colour as it is", () => {
    const size = fc.integer({ min: 1, max: 40 });
    const method = fc.constantFrom("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos");
    fc.assert(
      fc.property(size, size, size, size, fc.nat(255), method, (w, h, W, H, value, method) => {
        const image = new DenoiseImage(w, h, 1, new Uint8Array(w * h).fill(value));
        assert(resize(image, W, H, method as Resample).data.every((byte) => byte === value));
      }),
    );
  });

  it("gives a copy when the size stays", () => {
    const image = testImage(5, 4, 4);
    const same = resize(image, 5, 4);
    assertEquals(same.data, image.data);
    assert(same.data !== image.data);
  });

  it("throws on sizes and methods that are none", () => {
    const image = testImage(2, 2, 3);
    assertThrows(() => resize(image, 0, 2), RangeError, "0x2");
    assertThrows(() => resize(image, 1.5, 2), RangeError, "1.5x2");
    assertThrows(() => resize(image, 2, 2, "cubic" as Resample), TypeError, '"lanczos"');
  });
});

describe("resizeFloat()", () => {
  it("gives the bits of Pillow's mode F", () => {
    for (const { dims, from, method, width, height, to } of golden.floatResizes) {
      const tensor = new Tensor("float32", floatsOf(from), dims);
      const resized = resizeFloat(tensor, width, height, method as "bicubic");
      assertEquals(resized.data, floatsOf(to));
    }
  });

  it("takes each plane of a batch by itself", () => {
    const planes = Tensor.arange(0, 24, 1, "float32").reshape([2, 3, 4]);
    const resized = resizeFloat(planes, 2, 2, "box");
    assertEquals(resized.dims, [2, 2, 2]);
    assertEquals(resized.select(0, 1).equals(resizeFloat(planes.select(0, 1), 2, 2, "box")), true);
  });

  it("throws on other tensors", () => {
    assertThrows(() => resizeFloat(Tensor.zeros([4]), 2, 2), TypeError);
    assertThrows(() => resizeFloat(Tensor.zeros([4, 4], "int32"), 2, 2), TypeError);
  });
});
