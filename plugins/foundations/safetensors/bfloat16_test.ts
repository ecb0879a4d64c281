import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { decodeBfloat16, encodeBfloat16 } from "./bfloat16.ts";

describe("bfloat16", () => {
  it("decodes the upper half of a float32", () => {
    assertEquals(
      [...decodeBfloat16(Uint16Array.of(0x3f80, 0xc040, 0x7f80, 0x0001))],
      [1, -3, Infinity, 2 ** -133],
    );
  });

  it("encodes to nearest, ties to even", () => {
    const step = 2 ** -7; // between bfloat16 numbers from 1 to 2
    assertEquals(
      [...decodeBfloat16(encodeBfloat16([1 + step / 2, 1 + 1.5 * step, 1 + 0.51 * step, 3.4e38]))],
      [1, 1 + 2 * step, 1 + step, Infinity],
    );
    assertEquals([...encodeBfloat16([NaN])], [0x7fc0]);
  });
});
