import { assert, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { interpolate, type InterpolationMode } from "./interpolate.ts";
import goldens from "./testdata/interpolate.json" with { type: "json" };

describe("interpolate()", () => {
  for (const { mode, from, to, result } of goldens.cases) {
    it(`equals torch's for ${mode} from [${from}] to [${to}]`, () => {
      const x = Generator.manualSeed(0).randn([2, 2, ...from]);
      const resized = interpolate(x, to, mode as InterpolationMode).toFloat32Array();
      const bytes = Uint8Array.from(atob(result), (char) => char.charCodeAt(0));
      const expected = new Float32Array(bytes.buffer);
      const largest = Math.max(...resized.map((value, i) => Math.abs(value - expected[i]!)));
      assert(largest < 2e-6, `differs by ${largest}`); // a few roundings of float32
    });
  }

  it("refuses a mode for other axes, an unknown mode and no length", () => {
    const x = Tensor.zeros([1, 1, 4]);
    assertThrows(() => interpolate(x, [8], "bicubic"), TypeError, "is for 2 axes");
    assertThrows(() => interpolate(x, [8, 8], "nearest"), TypeError, "1 axes");
    assertThrows(() => interpolate(x, [8], "best" as "area"), RangeError, "best");
    assertThrows(() => interpolate(x, [0], "linear"), RangeError, "from 1");
  });
});
