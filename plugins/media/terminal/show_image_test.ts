import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { blocks, findGraphicsProtocol, showImage } from "./mod.ts";

const png = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { written, stream: { isTTY, write: (text: string) => void written.push(text) } };
}

describe("showImage()", () => {
  it("writes chunks of the kitty protocol that put the PNG together again", async () => {
    const { written, stream } = terminal(true);
    assertEquals(await showImage(png, { stream, protocol: "kitty" }), true);
    // deno-lint-ignore no-control-regex
    const chunks = [...written.join("").matchAll(/\x1b_G([^;]*);([^\x1b]*)\x1b\\/g)];
    assertEquals(chunks.map((chunk) => chunk[1]), ["a=T,f=100,m=1", "m=0"]);
    const base64 = chunks.map((chunk) => chunk[2]).join("");
    assertEquals(Uint8Array.fromBase64(base64), png);
  });

  it("writes an inline image of iTerm2", async () => {
    const { written, stream } = terminal(true);
    await showImage(png.subarray(0, 3), { stream, protocol: "iterm2" });
    assertEquals(written, ["\x1b]1337;File=inline=1;size=3:AAEC\x07\n"]);
  });

  it("draws half blocks where there are colours and no graphics", async () => {
    const { written, stream } = terminal(true);
    const image = {
      width: 4,
      height: 4,
      channels: 3,
      data: Uint8Array.from({ length: 48 }, (_, i) => i < 24 ? 255 : 0),
      encode: () => Promise.resolve(png),
      save: () => Promise.resolve(),
    };
    assertEquals(await showImage(image, { stream, protocol: "blocks" }), true);
    const lines = written.join("").split("\n");
    assertEquals([lines.length, lines.at(-1)], [3, ""]);
    assertEquals(lines.map((line) => line.split("▀").length - 1), [4, 4, 0]);
    assertEquals(lines.slice(0, 2).every((line) => line.endsWith("\x1b[0m")), true);
    assertEquals(await showImage(png, { stream, protocol: "blocks" }), false);
    const [wide] = blocks({ ...image, width: 200, height: 2, data: new Uint8Array(1200) }, 300);
    assertEquals(wide!.split("▀").length - 1, 80);
    const [grey] = blocks(
      { width: 1, height: 2, channels: 1, data: Uint8Array.of(255, 51) },
      9,
      "256",
    );
    assertEquals(grey, "\x1b[38;5;231;48;5;59m▀\x1b[0m");
  });

  it("encodes an image as PNG", async () => {
    const { written, stream } = terminal(true);
    const image = {
      width: 1,
      height: 1,
      channels: 1,
      data: new Uint8Array(1),
      encode: () => Promise.resolve(png.subarray(0, 3)),
      save: () => Promise.resolve(),
    };
    await showImage(image, { stream, protocol: "iterm2" });
    assertEquals(written[0]!.includes("AAEC"), true);
  });

  it("writes nothing in a pipe or where no protocol is known", async () => {
    const pipe = terminal(false);
    assertEquals(await showImage(png, { stream: pipe.stream, protocol: "kitty" }), false);
    const plain = terminal(true);
    assertEquals(await showImage(png, { stream: plain.stream, protocol: null }), false);
    assertEquals([...pipe.written, ...plain.written], []);
  });
});

describe("findGraphicsProtocol()", () => {
  it("is null in a pipe", async () => {
    assertEquals(await findGraphicsProtocol({ isTTY: false, write: () => true }), null);
  });
});
