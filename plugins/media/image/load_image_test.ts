import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { withServer } from "../../../tests/support/with_server.ts";
import { convert, loadImage, openImage } from "./mod.ts";
import { fileOf } from "./_testing.ts";

const png = await Deno.readFile(fileOf("rgba.png"));

describe("loadImage()", () => {
  it("gives RGB from an address, a data URL and a path", async () => {
    const expected = convert(await openImage(fileOf("rgba.png")), "RGB").data;
    const data = `data:image/png;base64,${png.toBase64()}`;
    assertEquals((await loadImage(data)).data, expected);
    assertEquals((await loadImage(fileOf("rgba.png"))).data, expected);
    await withServer(() => new Response(png.slice()), async (address) => {
      assertEquals((await loadImage(address)).data, expected);
      assertEquals((await loadImage(new URL(address))).data, expected);
    });
  });

  it("stops an endless body at the limit", async () => {
    const endless = () =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4096)) }),
      );
    await withServer(endless, async (address) => {
      await assertRejects(() => loadImage(address, { maxBytes: 50_000 }), RangeError, "50000");
    });
  });
});
