import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { decodeFloat16, encodeFloat16 } from "./float16.ts";

/** Float32 numbers of every exponent and sign, among them those halfway between float16 ones. */
function manyFloats(): Float32Array {
  const words = new Uint32Array(3 << 16);
  for (let i = 0; i < 1 << 16; i++) {
    words[3 * i] = i << 16;
    words[3 * i + 1] = (i << 16) | 0x1000; // halfway
    words[3 * i + 2] = (i << 16) | (Math.imul(i, 40503) & 0xffff);
  }
  return new Float32Array(words.buffer);
}

describe("encodeFloat16()", () => {
  it("rounds to nearest, ties to even, as the engine's Float16Array does", () => {
    const floats = manyFloats();
    const found = encodeFloat16(floats);
    const wanted = new Uint16Array(new Float16Array(floats).buffer);
    for (let i = 0; i < floats.length; i++) {
      if (!Number.isNaN(floats[i])) assertEquals(found[i], wanted[i], `${floats[i]}`);
    }
  });

  it("keeps NaN, infinities and signed zeros, and overflows to infinity", () => {
    assertEquals(
      [...encodeFloat16([NaN, Infinity, -Infinity, 0, -0, 65519, 65520, -1e9, 2 ** -25, 2 ** -24])],
      [0x7e00, 0x7c00, 0xfc00, 0, 0x8000, 0x7bff, 0x7c00, 0xfc00, 0, 1],
    );
  });
});

describe("decodeFloat16()", () => {
  it("gives the exact number of all 65,536 bit patterns", () => {
    const bits = Uint16Array.from({ length: 1 << 16 }, (_, i) => i);
    assertEquals(decodeFloat16(bits), new Float32Array(new Float16Array(bits.buffer)));
  });
});
