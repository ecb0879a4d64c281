import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertThrows } from "@std/assert";
import {
  applyOverlay,
  cropRegion,
  DenoiseImage,
  imageCodec,
  resizeAndCrop,
  resizeAndFill,
} from "./mod.ts";
import { golden, imageOf, testImage } from "./_testing.ts";

function boxOf([left, top, right, bottom]: readonly number[]) {
  return { left: left!, top: top!, right: right!, bottom: bottom! };
}

describe("cropRegion()", () => {
  it("gives the box of get_crop_region", () => {
    for (const { mask, painted, pad, region } of golden.paintings) {
      const box = cropRegion(imageOf(mask), painted.width, painted.height, pad);
      assertEquals(box, boxOf(region));
    }
  });

  it("throws on a mask that marks nothing", () => {
    const black = new DenoiseImage(4, 4, 1, new Uint8Array(16));
    assertThrows(() => cropRegion(black, 8, 8), RangeError, "black everywhere");
  });
});

describe("applyOverlay()", () => {
  it("gives the pixels of apply_overlay, for hard and soft masks, with and without alpha", () => {
    for (const { mask, image, painted, region, overlay } of golden.paintings) {
      const images = [imageOf(mask), imageOf(image), imageOf(painted)] as const;
      assertEquals(applyOverlay(...images, boxOf(region)).data, imageOf(overlay).data);
    }
  });

  it("throws on a mask of another size", () => {
    const images = [testImage(3, 4, 1), testImage(4, 4, 3), testImage(4, 4, 3)] as const;
    assertThrows(() => applyOverlay(...images), RangeError, "3x4");
  });
});

describe("resizeAndFill() and resizeAndCrop()", () => {
  it("give the pixels of VaeImageProcessor's resize modes", () => {
    for (const { whole, fill, crop } of golden.paintings) {
      const image = imageOf(whole);
      assertEquals(resizeAndFill(image, fill.width, fill.height).data, imageOf(fill).data);
      assertEquals(resizeAndCrop(image, crop.width, crop.height).data, imageOf(crop).data);
    }
  });
});

describe("imageCodec.editor", () => {
  it("opens, crops, resizes, blurs and puts back", async () => {
    const editor = imageCodec.editor!;
    const image = await editor.open(testImage(20, 10, 4), "RGB");
    const mask = await editor.open(testImage(20, 10, 1), "L");
    const box = editor.cropRegion(mask, 8, 8);
    const part = editor.resize(editor.crop(image, box), 8, 8, { fit: "fill" });
    assertEquals([part.width, part.height, part.channels], [8, 8, 3]);
    const result = editor.overlay(editor.blur(mask, 2), image, part, box);
    assertEquals([result.width, result.height], [20, 10]);
  });
});
