import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  boxBlur,
  centerCrop,
  convert,
  crop,
  DenoiseImage,
  gaussianBlur,
  type Mode,
} from "./mod.ts";
import { bytesOf, golden, imageOf, testImage } from "./_testing.ts";

describe("gaussianBlur() and boxBlur()", () => {
  it("give the bytes of Pillow", () => {
    for (const { from, radius, gaussian, box } of golden.blurs) {
      assertEquals(gaussianBlur(imageOf(from), radius).data, bytesOf(gaussian), `radius ${radius}`);
      assertEquals(boxBlur(imageOf(from), radius).data, bytesOf(box), `radius ${radius}`);
    }
  });

  it("stay between the darkest and the lightest pixel", () => {
    const size = fc.integer({ min: 1, max: 20 });
    const radius = fc.double({ min: 0, max: 30, noNaN: true });
    fc.assert(fc.property(size, size, radius, fc.integer(), (width, height, radius, seed) => {
      const image = testImage(width, height, 1, seed);
      const [low, high] = [Math.min(...image.data), Math.max(...image.data)];
      // One below: the weights are rounded down to 24 bits, here as in Pillow.
      assert(gaussianBlur(image, radius).data.every((byte) => byte >= low - 1 && byte <= high));
    }));
  });

  it("throw on a radius that is none", () => {
    assertThrows(() => gaussianBlur(testImage(2, 2, 1), -1), RangeError, "radius -1");
    assertThrows(() => boxBlur(testImage(2, 2, 1), NaN), RangeError, "radius NaN");
  });
});

describe("convert()", () => {
  it("gives the bytes of Pillow", () => {
    for (const { from, mode, to } of golden.conversions) {
      assertEquals(convert(imageOf(from), mode as Mode).data, imageOf(to).data, mode);
    }
  });

  it("throws on an unknown mode", () => {
    assertThrows(() => convert(testImage(1, 1, 1), "CMYK" as Mode), TypeError, '"CMYK"');
  });
});

describe("crop()", () => {
  it("gives the bytes of Pillow, with 0 outside the image", () => {
    for (const { from, box, to } of golden.crops) {
      const [left, top, right, bottom] = box as [number, number, number, number];
      const cut = crop(imageOf(from), { left, top, right, bottom });
      assertEquals([cut.width, cut.height], [to.width, to.height]);
      assertEquals(cut.data, imageOf(to).data);
    }
  });

  it("throws on a box without pixels", () => {
    const box = { left: 2, top: 0, right: 2, bottom: 1 };
    assertThrows(() => crop(testImage(3, 3, 1), box), RangeError, "left < right");
  });
});

describe("centerCrop()", () => {
  it("takes the middle, and fills up around a smaller image", () => {
    const row = new DenoiseImage(5, 1, 1, Uint8Array.of(1, 2, 3, 4, 5));
    assertEquals([...centerCrop(row, 3, 1).data], [2, 3, 4]);
    assertEquals([...centerCrop(row, 7, 1).data], [0, 1, 2, 3, 4, 5, 0]);
  });
});
