import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { convert, decodeImage, openImage } from "./mod.ts";
import {
  bytesOf,
  fileOf,
  golden,
  keptOf,
  maxDifference,
  testImage,
  toleranceOf,
} from "./_testing.ts";

const files = await Promise.all(
  golden.files.map(async ({ name }) => [name, await Deno.readFile(fileOf(name))] as const),
);

/** Where the last chunk of a PNG's pixels ends. */
function endOfPixels(png: Uint8Array): number {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let end = 0;
  for (let start = 8; start < png.length; start += 12 + view.getUint32(start)) {
    const type = new TextDecoder().decode(png.subarray(start + 4, start + 8));
    if (type === "IDAT") end = start + 12 + view.getUint32(start);
  }
  return end;
}

describe("openImage()", () => {
  for (const { name, mode, rgb, alpha } of golden.files) {
    it(`gives the pixels of Pillow for ${name} (${mode})`, async () => {
      const image = await openImage(fileOf(name));
      assertEquals([image.width, image.height], [rgb.width, rgb.height]);
      const difference = maxDifference(keptOf(convert(image, "RGB").data), bytesOf(rgb.data));
      assert(difference <= toleranceOf(name), `${difference} of 255`);
      assertEquals(image.channels === 4, alpha !== undefined);
      if (alpha !== undefined) {
        assertEquals(keptOf(image.data.filter((_, i) => i % 4 === 3)), bytesOf(alpha));
      }
    });
  }

  it("refuses a file by its size before it reads it", async () => {
    await assertRejects(() => openImage(fileOf("rgb.png"), { maxBytes: 10 }), RangeError, "10");
  });
});

describe("decodeImage()", () => {
  it("refuses a huge image in a small file by its header", async () => {
    const png = await testImage(2, 2, 3).encode("png");
    new DataView(png.buffer).setUint32(16, 50_000);
    new DataView(png.buffer).setUint32(20, 50_000);
    // decoding would take minutes and 10 GB, and end with another error
    await assertRejects(() => decodeImage(png), RangeError, "50000x50000");
  });

  it("refuses what a small image unpacks on the way by its header, too", async () => {
    const tiles = await Deno.readFile(fileOf("tiles.tif"));
    const fields = new DataView(tiles.buffer);
    const directory = fields.getUint32(4, true) + 2;
    for (let at = directory; at < directory + 12 * 9; at += 12) {
      if ([322, 323].includes(fields.getUint16(at, true))) fields.setUint16(at + 8, 65_520, true);
    }
    const webp = await Deno.readFile(fileOf("animated.webp"));
    const frame = webp.findIndex((_, i) =>
      String.fromCharCode(...webp.subarray(i, i + 4)) === "VP8 "
    );
    new DataView(webp.buffer).setUint32(frame + 14, 0x3fff3fff, true);
    for (const bomb of [tiles, webp]) {
      await assertRejects(() => decodeImage(bomb), RangeError, "are allowed");
    }
  });

  it("stops unpacking at the bytes that an image has", async () => {
    const packed = await Deno.readFile(fileOf("black-adobe_deflate.tif"));
    const fields = new DataView(packed.buffer);
    const directory = fields.getUint32(4, true);
    const zeros = new Uint8Array(
      await new Response(
        new Blob([new Uint8Array(2 ** 27)]).stream().pipeThrough(new CompressionStream("deflate")),
      ).arrayBuffer(),
    );
    for (let i = 0, at = directory + 2; i < fields.getUint16(directory, true); i++, at += 12) {
      const tag = fields.getUint16(at, true);
      if (tag === 273) fields.setUint32(at + 8, packed.length, true);
      if (tag === 279) fields.setUint32(at + 8, zeros.length, true);
    }
    const { data } = await decodeImage(new Uint8Array([...packed, ...zeros]));
    assertEquals(new Set(data), new Set([0]));
  });

  it("refuses every file that is cut off", async () => {
    for (const [name, bytes] of files) {
      if (/^(two-frames|animated)/.test(name)) continue; // the first frame may be whole
      for (const share of [0, 0.02, 0.3, 0.6, 0.9]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        if (name.endsWith(".png") && cut.length >= endOfPixels(bytes)) continue; // no pixels are cut off
        await assertRejects(() => decodeImage(cut), SyntaxError, "", `${name} ${share}`);
      }
    }
  });

  it("reads a PNG with all of its pixels whose end is missing or whose sums are wrong, as Pillow", async () => {
    const image = testImage(23, 17, 3);
    const png = await image.encode("png");
    assertEquals((await decodeImage(png.subarray(0, -12))).data, image.data);
    assertEquals((await decodeImage(png.subarray(0, -5))).data, image.data);
    const wrong = png.slice();
    wrong.fill(0, wrong.length - 16, wrong.length - 12); // of the pixels
    assertEquals((await decodeImage(wrong)).data, image.data);
    await assertRejects(() => decodeImage(png.subarray(0, -20)), SyntaxError, "cut off");
  });

  it("gives an image or a clear error for files with wrong bytes", async () => {
    const place = fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255));
    const changes = fc.array(place, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), changes, async (file, changes) => {
        const bytes = file[1].slice();
        for (const [share, byte] of changes) bytes[Math.floor(share * bytes.length)] = byte;
        try {
          await decodeImage(bytes, { maxPixels: 1e6 });
        } catch (error) {
          assert(error instanceof SyntaxError || error instanceof RangeError, String(error));
          assert(error.message.startsWith("Cannot read"), error.message);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("says what a file of another kind looks like", async () => {
    const starting = (text: string): Uint8Array => new TextEncoder().encode(text.padEnd(40, "."));
    const cases: [Uint8Array, string][] = [
      [starting("....ftypheic"), "HEIC"],
      [starting("\0\0\0\x0cJXL "), "JPEG XL"],
      [starting("8BPS"), "PSD"],
      [starting("P6 3 3 255 "), "PPM"],
      [starting("....ftypisom"), "an MP4 video"],
      [starting("<!doctype html>"), "HTML"],
      [new Uint8Array(), "it is empty"],
      [Uint8Array.of(1, 2, 3, 4), "01 02 03 04"],
    ];
    for (const [bytes, found] of cases) {
      await assertRejects(() => decodeImage(bytes), SyntaxError, found);
    }
  });
});
